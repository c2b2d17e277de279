"""Trials: suggest, heartbeat, finish, and how a suggestion was made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from headway.wire.amendments import TrialChange
from headway.wire.base import NO_NUL, Moment, Params, Request, Response
from headway.wire.measured import MeasuredValue as MeasuredValue  # noqa: PLC0414 (known from here, too)
from headway.wire.study import LeaseSeconds, StudyState

TrialState = Literal[
    "reserved", "queued", "leased", "completed", "infeasible", "failed", "stopped", "abandoned", "lost"
]
Outcome = Literal["completed", "infeasible", "failed", "stopped", "abandoned"]

MAX_COUNT = 64
"""Most trials that one request can ask for."""
MAX_WAIT_MS = 30_000
"""How long a request may be held, milliseconds."""

WorkerId = Annotated[str, Field(min_length=1, max_length=128, pattern=NO_NUL)]


class SuggestRequest(Request):
    """Body of POST …/trials:suggest; `{}` is valid."""

    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    worker: WorkerId | None = None
    lease_s: LeaseSeconds | None = None
    """Length of the lease, seconds; None: the study's policy, with its grace for the first heartbeat."""
    wait_ms: Annotated[int, Field(ge=0, le=MAX_WAIT_MS)] = 0
    """Hold the request up to this long instead of answering `wait`, milliseconds."""
    fixed: Params | None = None
    """Values that every trial handed out must have; the others are optimised given them."""
    context: Params | None = None
    """Like `fixed`, for what the caller finds rather than chooses: the batch, the machine, the weather."""
    resume: bool = False
    """Return the live leases of `worker`, under their tokens and renewed, instead of new trials; all of them,
    whatever `count` says. Where it holds none, it is a request like any other."""


class Prediction(Response):
    """What the model expected of the point when it was suggested, in the objective's units."""

    mean: float
    sd: float


class FidelityChoice(Response):
    """The fidelity of a suggestion: the one that removes most of the variance at the target, per cost."""

    parameter: str
    value: float
    cost: float
    removed: float
    """Share of the variance of the point's value at the target that a result there would remove."""


class Receipt(Response):
    """How a suggestion was made. Stored with the trial and never changed afterwards."""

    policy: str
    """`sobol`, a strategy's name, `qlognehvi` for the improvement of several objectives, `fallback` where the
    model could not be asked, `import` where the result was measured elsewhere, `manual` where the point
    was given, or `replicate` where an audit repeats it."""
    strategy: str
    """The study's strategy, whether or not it made this point."""
    beta: float | None = None
    """UCB's β: the factor before σ is √β."""
    path_id: str | None = None
    """Identifies the random path of a Thompson sample."""
    acquisition_value: float | None = None
    model_version: int = 0
    """Version of the hyperparameters; 0: none fitted yet."""
    n_observed: int = 0
    """Observations in the posterior that was asked."""
    n_fitted: int = 0
    """Observations that its hyperparameters were fitted to: a subset of them in a very large study."""
    n_pending: int = 0
    """Trials in flight when it was asked."""
    n_hallucinated: int = 0
    """Points in flight, or given out at this posterior, that it was conditioned on too."""
    staleness: int = 0
    """Results that had arrived but were not in the posterior."""
    device: str = "cpu"
    """Where the posterior was: `cpu` or `cuda`."""
    transform: str | None = None
    """Output transform of the model."""
    fixed: Params | None = None
    """Values that the request fixed."""
    context: Params | None = None
    """The context that the request named."""
    predicted: Prediction | None = None
    """Of the first objective."""
    predicted_metrics: dict[str, Prediction] | None = None
    """Of every metric, where there is more than the first objective."""
    p_feasible: float | None = None
    """How probable the model held it that the point has values and keeps the outcome constraints."""
    weights: dict[str, float] | None = None
    """The objectives' weights, where they were weighed at random for this request."""
    fidelity: FidelityChoice | None = None
    local: bool = False
    """Whether the search was held to a trust region around the incumbent."""
    compute_ms: float = 0.0
    degraded: bool = False
    degraded_reason: str | None = None


class Lease(Response):
    """The right to evaluate a trial, until it expires."""

    token: str
    expires_at: Moment
    expires_in_s: float
    renew_before: Moment
    """Send a heartbeat before this moment: a third of the lease from now."""
    heartbeat_every_s: float


class SuggestedTrial(Response):
    """A trial handed to a worker."""

    number: int
    params: Params
    space_version: int
    attempt: int
    """1 for the first time this point is handed out."""
    lease: Lease
    seed: int
    """For the caller's own random numbers: a function of the study's seed and the trial's number."""
    origin: Receipt


class SuggestResponse(Response):
    """`ok` with trials, `wait` (ask again later) or `done` (there is nothing more to do)."""

    status: Literal["ok", "wait", "done"]
    requested: int
    trials: tuple[SuggestedTrial, ...] = ()
    reason: str | None = None
    """With `wait`: initial_batch_running, parallelism_cap, leases_outstanding, paused, computing.
    With `done`: budget, closed."""
    retry_after_s: float | None = None


class FinishRequest(Request):
    """Body of POST …/trials/{n}:finish."""

    model_config = ConfigDict(allow_inf_nan=True)

    lease_token: str
    final: bool = True
    """False: these are some of the metrics, and the others will follow. The trial stays leased."""
    outcome: Outcome = "completed"
    metrics: dict[str, float | MeasuredValue] = Field(default_factory=dict)
    params_as_run: Params | None = None
    """The point that was really evaluated, where it differs from the suggestion. It may lie outside the
    search space."""
    reason: Annotated[str, Field(max_length=64, pattern=NO_NUL)] | None = None
    """A code, e.g. `preempted`, `diverged`, `timeout`."""
    message: Annotated[str, Field(max_length=10_000, pattern=NO_NUL)] | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None


class StudyProgress(Response):
    """Where the study stands after a finish."""

    state: StudyState
    completed: int
    leased: int
    budget_left: int | None


class FinishResponse(Response):
    """The result is durable."""

    accepted: bool = True
    late: bool
    """The lease had expired; the result was kept."""
    superseded: bool
    """Another attempt's result came first; this one is a replicate."""
    duplicate: bool
    """The same result of this attempt was here already; nothing was changed."""
    outside: tuple[str, ...] = ()
    """What of `params_as_run` lies outside the search space. It is kept, and the model uses it there."""
    set_aside: str | None = None
    """Why the model can't use the result, where it can't: it is kept all the same."""
    best_changed: bool
    trial_state: TrialState
    study: StudyProgress


class HeartbeatRequest(Request):
    """Body of POST …/trials/{n}:heartbeat."""

    lease_token: str


class HeartbeatResponse(Response):
    """Carry on, or stop; and until when the lease now runs."""

    action: Literal["continue", "stop"]
    reason: str | None = None
    lease_expires_at: Moment
    expires_in_s: float


class ReleaseRequest(Request):
    """Body of POST …/trials/{n}:release."""

    lease_token: str


class ReleaseResponse(Response):
    """Whether the lease gave its point back."""

    released: bool
    """True also for a repeat; False where the lease had ended in another way, and nothing was changed."""
    trial_state: TrialState


class AttemptView(Response):
    """One worker's try at a trial."""

    number: int
    worker: str | None
    leased_at: Moment
    heartbeat_at: Moment | None
    expires_at: Moment
    ended_at: Moment | None
    ended_by: str | None
    """finished, expired, released or superseded; None while it runs."""
    stop_reason: str | None = None
    """Why the server asked for it to be given up; None: it did not."""
    metrics: dict[str, MeasuredValue] = Field(default_factory=dict)
    """What was reported ahead of its result."""


class ObservationView(Response):
    """One reported result."""

    attempt: int
    """0: imported, by no attempt."""
    outcome: Outcome
    metrics: dict[str, MeasuredValue]
    params_as_run: Params | None
    outside: tuple[str, ...] = ()
    """What of `params_as_run` lies outside the search space, in words."""
    reason: str | None
    message: str | None
    late: bool
    superseded: bool
    received_at: Moment


class TrialView(Response):
    """A trial as the server shows it."""

    number: int
    state: TrialState
    params: Params | None
    """None while the suggestion is being computed."""
    space_version: int
    seed: int
    value: float | None
    """The first objective, where the trial completed."""
    std_error: float | None
    metrics: dict[str, MeasuredValue] = Field(default_factory=dict)
    """Everything that was measured, where the trial completed."""
    origin: Receipt | None
    attempts: tuple[AttemptView, ...]
    observations: tuple[ObservationView, ...]
    note: str = ""
    tags: tuple[str, ...] = ()
    excluded: bool = False
    """Its results count no more, neither as data nor as the best."""
    history: tuple[TrialChange, ...] = ()
    """What was changed afterwards, oldest first."""
    created_at: Moment
    updated_at: Moment


class TrialPage(Response):
    """One page of GET …/trials, by number."""

    trials: tuple[TrialView, ...]
    next_cursor: str | None = None
    count: int | None = None
    """How many trials the filters let through, where the request asked with `count=exact`."""


class TrialColumns(Response):
    """GET …/trials?format=columns: one list per column, all of one length, None where not known."""

    columns: dict[str, list[object]]
    next_cursor: str | None = None
    """None at the end, and with `max_points`, which leaves no rest."""
    count: int | None = None
    """How many trials the filters let through: with `count=exact` or `max_points`."""
