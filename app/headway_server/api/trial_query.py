"""The query of a list of trials: which, how many, which fields, in which shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from headway.wire.amendments import Tag
from headway.wire.base import NO_NUL
from headway.wire.trial import TrialState, WorkerId
from headway.wire.trial_filter import TrialFilter
from headway_server.api.studies import MAX_PAGE

# Any offset from UTC leaves these within the years that there are.
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)

MAX_POINTS = 20_000
"""The most entries that an overview has."""


class TrialQuery(BaseModel):
    """What may stand after the question mark."""

    cursor: Annotated[str | None, Field(max_length=64, description="`next_cursor` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100
    format: Literal["rows", "columns"] = "rows"
    state: TrialState | None = None
    worker: Annotated[WorkerId | None, Field(description="Who made one of the trial's attempts")] = None
    policy: Annotated[
        str | None,
        Field(alias="origin.policy", max_length=64, pattern=NO_NUL, description="Of the trial's receipt"),
    ] = None
    updated_after: Annotated[AwareDatetime | None, Field(ge=EARLIEST, le=LATEST)] = None
    tag: Annotated[Tag | None, Field(description="One of the trial's tags")] = None
    excluded: Annotated[bool | None, Field(description="Whether its results count no more")] = None
    fields: Annotated[
        str | None, Field(max_length=10_000, description="Fields, or columns, separated by commas")
    ] = None
    count: Annotated[Literal["exact"] | None, Field(description="Count what the filters let through")] = None
    max_points: Annotated[
        int | None,
        Field(
            ge=2,
            le=MAX_POINTS,
            description="With `format=columns`: all trials in so many entries, every incumbent among them",
        ),
    ] = None

    @property
    def chosen(self) -> TrialFilter:
        """The filters."""
        return TrialFilter(self.state, self.worker, self.policy, self.updated_after, self.tag, self.excluded)

    @property
    def field_names(self) -> list[str]:
        """The fields named."""
        return [field for field in (self.fields or "").split(",") if field]
