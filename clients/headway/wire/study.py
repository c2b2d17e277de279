"""Studies: what is optimised, how long, and by which policy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import FailFast, Field

from headway.wire.base import NO_NUL, Moment, Params, Request, Response
from headway.wire.space import Space

StudyState = Literal["running", "paused", "completed", "archived"]

StudyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""1 to 64 letters, digits, dots, underscores and hyphens, starting with a letter or a digit."""

MAX_OBJECTIVES = 8
MAX_OUTCOME_CONSTRAINTS = 16
MAX_BUDGET = 1_000_000
MIN_LEASE_S = 5
MAX_LEASE_S = 30 * 24 * 3600
LeaseSeconds = Annotated[float, Field(ge=MIN_LEASE_S, le=MAX_LEASE_S)]


DEFAULT_STRATEGY = "hallucinated-rucb"
"""What did best on the tuning problems: docs/benchmarks.md has the figures."""


class Objective(Request):
    """The measured quantity and which way is better."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = "value"
    goal: Literal["minimize", "maximize"] = "minimize"


OutcomeConstraintText = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
"""One metric, <= or >=, and one number: `latency <= 50`."""


class FidelityCost(Request):
    """What an evaluation costs: fixed + per_unit · (value of the fidelity parameter), in any unit."""

    fixed: Annotated[float, Field(ge=0, le=1e300)] = 0.0
    per_unit: Annotated[float, Field(gt=0, le=1e300)] = 1.0


class Fidelity(Request):
    """A parameter that buys accuracy for cost, such as epochs or a share of the data."""

    parameter: str
    target: float | None = None
    """The value at which results count; None: the parameter's high end."""
    cost: FidelityCost = FidelityCost()


class EarlyStopping(Request):
    """When the server tells a worker to give its trial up, by what it reports while it works."""

    rule: Literal["median"] = "median"
    """Stop where the best value so far is worse than the median of the completed trials' running averages."""
    min_trials: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Completed trials that must have reported by the same step."""
    min_step: Annotated[int, Field(ge=0, lt=2**53)] = 1
    """No trial is stopped before this step."""


class Policy(Request):
    """What the server does about workers that fail or fall silent. Part of a study's definition."""

    on_expired: Literal["requeue", "drop"] = "requeue"
    max_retries: Annotated[int, Field(ge=0, le=100)] = 2
    """How often a trial whose lease expired is handed out again before it counts as lost."""
    on_failed: Literal["drop", "requeue", "treat_as_infeasible"] = "drop"
    lease_s: LeaseSeconds = 120.0
    """How long a lease lasts without a heartbeat, seconds."""
    first_heartbeat_grace_s: Annotated[float, Field(ge=0, le=MAX_LEASE_S)] = 600.0
    """The first lease lasts at least this long, seconds, unless the request names its own `lease_s`."""
    max_parallel: Annotated[int, Field(ge=1)] | None = None
    """How many trials may be leased at once; None: as many as ask."""
    early_stopping: EarlyStopping | None = None
    """None: every trial runs to its end."""


class StudyDefinition(Request):
    """Body of POST /v1/studies. Two definitions that are equal define the same study."""

    name: StudyName
    space: Space
    objectives: Annotated[
        tuple[Objective, ...], Field(min_length=1, max_length=MAX_OBJECTIVES), FailFast()
    ] = (Objective(),)
    outcome_constraints: Annotated[
        tuple[OutcomeConstraintText, ...], Field(max_length=MAX_OUTCOME_CONSTRAINTS), FailFast()
    ] = ()
    """Bounds on measured metrics that a result must keep to count as feasible."""
    fidelity: Fidelity | None = None
    budget: Annotated[int, Field(ge=1, le=MAX_BUDGET)] | None = None
    """How many trials may be handed out in all; None: no limit."""
    strategy: str = DEFAULT_STRATEGY
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    n_initial: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Length of the Sobol start; None: the engine's default for the space."""
    policy: Policy = Policy()
    notes: Annotated[str, Field(max_length=10_000)] = ""


class StudyPatch(Request):
    """Body of PATCH /v1/studies/{s}: what is to change; what is None stays."""

    state: StudyState | None = None
    """`paused`: suggest answers `wait`; `completed` or `archived`: it answers `done`. Leases, heartbeats and
    results go on in every state."""
    budget: Annotated[int, Field(ge=1, le=MAX_BUDGET)] | None = None
    """How many trials may be handed out in all; not fewer than have been."""
    notes: Annotated[str, Field(max_length=10_000, pattern=NO_NUL)] | None = None


class TrialCounts(Response):
    """How many trials of a study are in each state."""

    reserved: int = 0
    queued: int = 0
    leased: int = 0
    completed: int = 0
    infeasible: int = 0
    failed: int = 0
    stopped: int = 0
    abandoned: int = 0
    lost: int = 0


class StudyView(Response):
    """A study as the server shows it."""

    name: str
    state: StudyState
    definition: StudyDefinition
    definition_hash: str
    space_version: int
    trials: TrialCounts
    budget: int | None
    """How many trials may be handed out in all: what the definition said, or what has been set since."""
    budget_left: int | None
    etag: str
    """For If-Match: changes with state, budget and notes, not with the trials."""
    audit_of: str | None = None
    """The study whose audit this one was made for; None: it stands for itself."""
    created_at: Moment
    updated_at: Moment


class StudyPage(Response):
    """One page of GET /v1/studies, by name."""

    studies: tuple[StudyView, ...]
    next_cursor: str | None = None


class Interval(Response):
    """The posterior of the objective at one point, in the objective's own units, noise excluded."""

    mean: float
    sd: float
    low: float
    """Lower end of the central 95 % interval."""
    high: float
    """Upper end of the central 95 % interval."""


class Best(Response):
    """The best completed trial so far, or one of the best, and what the model believes of it."""

    trial: int
    params: Params
    value: float
    """The first objective."""
    std_error: float | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    """Everything that was measured."""
    posterior: Interval | None = None
    """Of the first objective."""
    posteriors: dict[str, Interval] = Field(default_factory=dict)
    """Of every metric that is modelled, where there is more than the first objective."""
    posterior_reason: str | None = None
    """Why there is no posterior, where there is none."""


class BestResponse(Response):
    """Answer to GET /v1/studies/{s}/best."""

    best: Best | None
    """The best trial that keeps the outcome constraints at the target fidelity; None until there is one,
    and always with several objectives."""
    front: tuple[Best, ...] = ()
    """With several objectives: the trials that no other dominates, best first objective first."""


class ConvergencePoint(Response):
    """One completed trial in order of arrival."""

    trial: int
    value: float
    """The first objective."""
    best: float | None
    """The incumbent's value after this trial; None while no trial counts, and with several objectives."""
    at: Moment
    counts: bool = True
    """Whether the trial keeps the outcome constraints, at the target fidelity."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """Every metric, where there is more than one objective."""
    hypervolume: float | None = None
    """What the front dominated after this trial, with two or three objectives."""


class Convergence(Response):
    """Answer to GET /v1/studies/{s}/convergence."""

    objective: Objective
    """The first objective."""
    points: tuple[ConvergencePoint, ...]
    objectives: tuple[Objective, ...] = ()
    reference: dict[str, float] | None = None
    """With two or three objectives, the point that volumes are measured from: a tenth of the present
    front's range beyond its worst corner."""
