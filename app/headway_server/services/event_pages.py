"""A study's history, page by page."""

from __future__ import annotations

from headway.wire.events import EventPage, EventView
from headway_server.domain.errors import InvalidCursor
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def page(database: Database, name: str, cursor: str | None, limit: int) -> EventPage:
    """Up to `limit` events in order, after the one that the cursor names: any event's `seq`.

    Raises:
        NotFound: no such study.
        InvalidCursor: not the number of an event.
    """
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise InvalidCursor.given(cursor)

    def work(uow: UnitOfWork) -> EventPage:
        rows = uow.events.after(uow.studies.get(name), int(cursor or 0), limit + 1)
        return EventPage(
            events=tuple(EventView.model_validate(row) for row in rows[:limit]),
            next_cursor=str(rows[limit - 1].seq) if len(rows) > limit else None,
        )

    return database.read(work)
