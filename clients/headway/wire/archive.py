"""A study with all that happened to it, as one document: exported whole, and imported again.

The tokens of leases are left out: they are the right to finish a trial, and stay with the server that gave
them. A trial that was leased is still so after the import; nobody can renew its lease, so it lapses and the
point is handed out again. Fitted models are left out too: they follow from the data.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, FailFast, Field

from headway.wire.amendments import Note, Tags
from headway.wire.base import NO_NUL, Params
from headway.wire.campaign_audit import AuditRequest, PointRole, SearchCounts
from headway.wire.space import Space
from headway.wire.study import Interval, StudyDefinition, StudyName, StudyState
from headway.wire.trial import MeasuredValue, Outcome, Receipt, TrialState, WorkerId

VERSION = 1
"""Of the document's layout."""

Count = Annotated[int, Field(ge=0, lt=2**31)]
Sequence = Annotated[int, Field(ge=0, lt=2**62)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
Instant = AwareDatetime
"""A moment to the microsecond, as it is stored."""


Said = Annotated[str, Field(max_length=10_000, pattern=NO_NUL)]


class Archived(BaseModel):
    """A part of the document. Unknown fields are refused: they would be lost."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True, allow_inf_nan=False)


class ArchivedStudy(Archived):
    """The study itself."""

    definition: StudyDefinition
    definition_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    state: StudyState
    budget: Annotated[int, Field(ge=1, le=1_000_000)] | None
    space_version: Annotated[int, Field(ge=1, lt=2**31)]
    trials_created: Count
    trials_imported: Count
    data_revision: Count = 0
    last_seq: Sequence
    created_at: Instant
    updated_at: Instant


class ArchivedSpace(Archived):
    """One version of the search space. Who made it stays with the old server."""

    version: Annotated[int, Field(ge=1, lt=2**31)]
    space: Space
    defaults: Params
    created_at: Instant


class ArchivedAttempt(Archived):
    """One worker's try at a trial, without its token."""

    number: Annotated[int, Field(ge=1, lt=2**31)]
    worker: WorkerId | None
    leased_at: Instant
    lease_s: Seconds
    expires_at: Instant
    lapses_at: Instant
    heartbeat_at: Instant | None
    ended_at: Instant | None
    ended_by: Literal["finished", "expired", "released", "superseded"] | None
    stop_reason: Annotated[str, Field(max_length=10_000, pattern=NO_NUL)] | None = None
    metrics: dict[str, MeasuredValue] = Field(default_factory=dict)


class ArchivedObservation(Archived):
    """One reported result."""

    seq: Sequence
    attempt: Count
    outcome: Outcome
    metrics: dict[str, MeasuredValue]
    value: float | None
    std_error: float | None
    params: Params
    params_as_run: Params | None
    reason: Annotated[str, Field(max_length=64, pattern=NO_NUL)] | None
    message: Annotated[str, Field(max_length=10_000, pattern=NO_NUL)] | None
    late: bool
    superseded: bool
    body_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    received_at: Instant
    outside: Annotated[tuple[Said, ...], FailFast()] = ()


class ArchivedSnapshot(Archived):
    """The parts of a trial that a change concerned."""

    note: Note | None = None
    tags: Tags | None = None
    excluded: bool | None = None
    metrics: dict[str, MeasuredValue | None] | None = None


class ArchivedChange(Archived):
    """One change of a trial: what it was, what it is, when and why. Who made it stays with the old server,
    as with events: its keys mean nothing elsewhere.
    """

    seq: Sequence
    at: Instant
    reason: Annotated[str, Field(max_length=1_000, pattern=NO_NUL)] | None
    attempt: Count | None
    was: ArchivedSnapshot
    became: ArchivedSnapshot


class ArchivedTrial(Archived):
    """One trial with its receipt, attempts and results."""

    number: Annotated[int, Field(ge=1, lt=2**31)]
    state: TrialState
    seed: Annotated[int, Field(ge=0, lt=2**53)]
    space_version: Annotated[int, Field(ge=1, lt=2**31)]
    live_attempt: Count | None
    reserved_until: Instant | None
    params: Params | None
    origin: Receipt | None
    client_id: Annotated[str, Field(min_length=1, max_length=128, pattern=NO_NUL)] | None
    created_at: Instant
    updated_at: Instant
    attempts: Annotated[tuple[ArchivedAttempt, ...], FailFast()]
    observations: Annotated[tuple[ArchivedObservation, ...], FailFast()]
    note: Note = ""
    tags: Tags = ()
    excluded: bool = False
    history: Annotated[tuple[ArchivedChange, ...], FailFast()] = ()


class ArchivedMeasurement(Archived):
    """One intermediate value."""

    trial: Annotated[int, Field(ge=1, lt=2**31)]
    attempt: Annotated[int, Field(ge=1, lt=2**31)]
    step: Annotated[int, Field(ge=0, lt=2**53)]
    metrics: dict[str, float]
    t: Annotated[float, Field(ge=0, le=1e12)] | None
    received_at: Instant


class ArchivedEvent(Archived):
    """One thing that happened."""

    seq: Sequence
    type: Annotated[str, Field(min_length=1, max_length=32, pattern=NO_NUL)]
    trial: Count | None
    data: dict[str, object]
    at: Instant


class ArchivedContents(Archived):
    """A study with all that happened to it."""

    study: ArchivedStudy
    spaces: Annotated[tuple[ArchivedSpace, ...], FailFast()] = ()
    """Every version, where the search space was changed; none where it never was."""
    trials: Annotated[tuple[ArchivedTrial, ...], FailFast()]
    events: Annotated[tuple[ArchivedEvent, ...], FailFast()]
    measurements: Annotated[tuple[ArchivedMeasurement, ...], FailFast()] = ()


class ArchivedPoint(Archived):
    """A trial that an audit froze."""

    role: PointRole
    trial: Annotated[int, Field(ge=1, lt=2**31)]
    params: Params
    selection_value: float
    observed: float
    believed: Interval | None = None


class ArchivedSlot(Archived):
    """One random search of an audit. Its studies go by name; one that is not in the document was deleted."""

    search: StudyName | None
    reused: bool
    frozen: ArchivedPoint | None
    replicates: StudyName | None
    nothing_counts: bool


class ArchivedAudit(Archived):
    """An audit of the study: what was frozen, and which studies it is made of."""

    number: Annotated[int, Field(ge=1, lt=2**31)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    request: AuditRequest
    definition: StudyDefinition
    search: SearchCounts
    budget: Annotated[int, Field(ge=1, lt=2**31)]
    points: Annotated[tuple[ArchivedPoint, ...], Field(min_length=1), FailFast()]
    replicates: StudyName | None
    searches: Annotated[tuple[ArchivedSlot, ...], FailFast()]
    created_at: Instant
    completed_at: Instant | None


class ArchivedCompanion(ArchivedContents):
    """A study that took part in an audit."""

    made_for_audit: bool
    """Whether an audit made it; False: a random search that was there already."""


class Archive(ArchivedContents):
    """Answer to GET …/export as application/json, and body of POST /v1/studies:import."""

    format: Literal["headway-study"] = "headway-study"
    version: Literal[1] = 1
    audits: Annotated[tuple[ArchivedAudit, ...], FailFast()] = ()
    companions: Annotated[tuple[ArchivedCompanion, ...], FailFast()] = ()
    """The studies that its audits name."""
