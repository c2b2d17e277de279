"""A study's search space over time: its versions, and what of the data each of them can use."""

from __future__ import annotations

from pydantic import Field

from headway.wire.base import Moment, Params, Request, Response
from headway.wire.space import Space


class SpacePut(Request):
    """Body of PUT /v1/studies/{s}/space: the next version."""

    space: Space
    defaults: Params = Field(default_factory=dict)
    """For results that lack a parameter: the value that it had then."""


class SpaceVersion(Response):
    """One version of a study's search space."""

    version: int
    space: Space
    defaults: Params = Field(default_factory=dict)
    created_at: Moment
    actor: str | None = None
    """Who made it, as in the audit log."""


class SetAside(Response):
    """A result that the present space has no place for. It is kept."""

    trial: int
    why: str


class DataUse(Response):
    """What the model makes of the results that teach it something."""

    usable: int
    outside: int
    """Of these, results at points that the present space does not hold."""
    set_aside: int
    why: tuple[SetAside, ...] = ()
    """The first of those set aside."""


class SpaceView(Response):
    """Answer to GET and PUT /v1/studies/{s}/space."""

    version: int
    space: Space
    defaults: Params = Field(default_factory=dict)
    created_at: Moment
    actor: str | None = None
    etag: str
    """For If-Match, of the present version."""
    versions: tuple[SpaceVersion, ...]
    """All of them, oldest first."""
    data: DataUse
    """By the present version."""
    withdrawn: tuple[int, ...] = ()
    """Queued trials whose points are none of the new space: they are lost, and are not handed out again."""
