"""What people change about a trial afterwards: note, tags, a wrong value, an exclusion; and the history."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, FailFast, Field

from headway.wire.base import NO_NUL, Moment, Request, Response
from headway.wire.measured import MeasuredValue


class FirstFault(FailFast):
    """Judging a list ends at its first wrong item. Hashable, so that the list may be optional."""

    def __hash__(self) -> int:
        """One of them is as good as another."""
        return hash(FirstFault)


Tag = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=32), FirstFault()]
Note = Annotated[str, Field(max_length=10_000, pattern=NO_NUL)]
Reason = Annotated[str, Field(min_length=1, max_length=1_000, pattern=NO_NUL)]


class TrialPatch(Request):
    """Body of PATCH …/trials/{n}: what is to change; what is None stays. A repeat changes nothing."""

    model_config = ConfigDict(allow_inf_nan=True)

    note: Note | None = None
    tags: Tags | None = None
    excluded: bool | None = None
    """True: the trial's results count no more, neither as data nor as the best. False: they do again."""
    metrics: dict[str, float | MeasuredValue] | None = None
    """Corrected values by name; metrics that are not named stay. A correction replaces a value with its
    standard error."""
    attempt: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Whose result is corrected (0: an imported one); None: the one that stands for the trial."""
    reason: Reason | None = None
    """Why. Needed for a correction and for an exclusion."""


class TrialSnapshot(Response):
    """The parts of a trial that a change concerned; None for the others."""

    note: str | None = None
    tags: tuple[str, ...] | None = None
    excluded: bool | None = None
    metrics: dict[str, MeasuredValue | None] | None = None
    """None for a metric that had no value."""


class TrialChange(Response):
    """One change of a trial: what it was, what it is, who, when and why. Never changed itself."""

    seq: int
    """Number of its event in the study."""
    at: Moment
    actor: str | None
    """As in the audit log: a key's id, `open` where the server asked for no key, or `command line`; None
    where the change was made on another server."""
    reason: str | None
    attempt: int | None = None
    """Whose result was corrected."""
    was: TrialSnapshot
    became: TrialSnapshot
