"""Results that were measured elsewhere, taken into a study in batches."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, FailFast, Field

from headway.wire.base import NO_NUL, Params, Request, Response
from headway.wire.problem import FieldError
from headway.wire.trial import MeasuredValue

MAX_ROWS = 5_000
"""Most rows of one batch."""


class ImportedRow(Request):
    """One result: the point, what came of it, and the caller's own name for it."""

    model_config = ConfigDict(allow_inf_nan=True)

    client_id: Annotated[str, Field(min_length=1, max_length=128, pattern=NO_NUL)] | None = None
    """Natural key: a second row under it changes nothing. None: every import of the row is a new trial."""
    params: Params
    outcome: Literal["completed", "infeasible", "failed"] = "completed"
    metrics: dict[str, float | MeasuredValue] = Field(default_factory=dict)
    reason: Annotated[str, Field(max_length=64, pattern=NO_NUL)] | None = None
    message: Annotated[str, Field(max_length=10_000, pattern=NO_NUL)] | None = None


class ImportRequest(Request):
    """Body of POST …/observations:batch."""

    rows: Annotated[tuple[ImportedRow, ...], Field(min_length=1, max_length=MAX_ROWS), FailFast()]
    dry_run: bool = False
    """Say what would become of each row, and change nothing."""


class RowProblem(Response):
    """Why a row was refused: an error's slug, with the fields that are wrong."""

    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()


class RowResult(Response):
    """What became of one row."""

    index: int
    """Its place in the request, from 0."""
    client_id: str | None = None
    status: Literal["imported", "duplicate", "refused"]
    """`duplicate`: it was here already, under the same `client_id` with the same content."""
    number: int | None = None
    """The trial's; None where the row was refused, and in a dry run of a new one."""
    problem: RowProblem | None = None


class ImportResponse(Response):
    """One result a row, in order. The rows that were not refused are durable, or none in a dry run."""

    dry_run: bool
    imported: int
    duplicates: int
    refused: int
    best_changed: bool
    """An imported result beats all that were there, or joins the front of several objectives."""
    rows: tuple[RowResult, ...]
