"""Trials made by hand: a point to be handed out next, or a result."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from headway.wire.amendments import Note, Tags
from headway.wire.base import NO_NUL, Params, Request
from headway.wire.measured import MeasuredValue


class TrialCreate(Request):
    """Body of POST …/trials. Without metrics or an outcome the point is queued: the next worker that asks
    gets it, before the model is asked. With either it is a result, like a row of an import.
    """

    model_config = ConfigDict(allow_inf_nan=True)

    params: Params
    client_id: Annotated[str, Field(min_length=1, max_length=128, pattern=NO_NUL)] | None = None
    """Natural key: a second trial under it is the same one. None: every request makes a new trial."""
    outcome: Literal["completed", "infeasible", "failed"] | None = None
    """None: `completed` where there are metrics; otherwise the point is queued."""
    metrics: dict[str, float | MeasuredValue] = Field(default_factory=dict)
    reason: Annotated[str, Field(max_length=64, pattern=NO_NUL)] | None = None
    message: Annotated[str, Field(max_length=10_000, pattern=NO_NUL)] | None = None
    note: Note = ""
    tags: Tags = ()
