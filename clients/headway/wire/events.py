"""GET …/events as JSON: what happened to a study, page by page."""

from __future__ import annotations

from headway.wire.base import Moment, Response


class EventView(Response):
    """Something that happened to a study."""

    seq: int
    """Of the study: 1, 2, …"""
    type: str
    """`study.created`, `trial.leased`, `trial.completed`, `best.improved` …"""
    trial: int | None
    data: dict[str, object]
    at: Moment


class EventPage(Response):
    """One page of GET …/events, the oldest first."""

    events: tuple[EventView, ...]
    next_cursor: str | None = None
    """None at the end; the `seq` of the last event serves as a cursor to what comes later."""
