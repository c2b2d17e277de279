"""The audit of a campaign: what was selected, measured again, beside what random search finds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import FailFast, Field

from headway.wire.base import Moment, Params, Request, Response
from headway.wire.study import Interval, Objective, StudyName, StudyState

MAX_TOP = 10
MIN_REPLICATES = 10
MAX_REPLICATES = 100
MAX_NULL_CAMPAIGNS = 199

CompanionRole = Literal["replicates", "random-search", "random-search-replicates"]
"""What a companion study of an audit is for: replicates of the frozen points, a random search, or replicates
of what that found."""

PointRole = Literal["incumbent", "runner-up", "control"]


class AuditRequest(Request):
    """Body of POST /v1/studies/{s}/audit; `{}` is valid."""

    top: Annotated[int, Field(ge=1, le=MAX_TOP)] = 3
    """How many of the best completed trials are frozen: the incumbent and the runners-up."""
    replicates: Annotated[int, Field(ge=MIN_REPLICATES, le=MAX_REPLICATES)] = 10
    """Fresh evaluations of each frozen point, and of what each random search found."""
    null_campaigns: Annotated[int, Field(ge=1, le=MAX_NULL_CAMPAIGNS)] = 19
    """Random searches of equal budget, those of `reuse` among them. With K of them no p-value is below
    1/(K + 1)."""
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """Level of every test."""
    reuse: Annotated[tuple[StudyName, ...], Field(max_length=MAX_NULL_CAMPAIGNS), FailFast()] = ()
    """Studies that are over and were random searches of the same definition and budget."""
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    """Of the replicates, the random searches and the choice of the control."""


class SearchCounts(Response):
    """What a search cost. Trials that failed or were stopped are part of it."""

    trials: int
    """All of them, results that were imported included."""
    completed: int
    infeasible: int
    failed: int
    stopped: int
    lost: int
    """Abandoned ones among them."""
    worker_s: float
    """For how long workers held its trials, seconds."""


class Replicates(Response):
    """What fresh evaluations of one point say."""

    planned: int
    n: int
    """Those that completed: what the figures below are of."""
    failed: int
    """Those that ended without a value."""
    kept: int
    """Of the n, those that keep the study's outcome constraints."""
    mean: float | None = None
    """None without a value."""
    std_error: float | None = None
    """Of the mean: s/√n; None with fewer than two values."""
    low: float | None = None
    """Lower end of the 95 % interval of the mean, by Student's t with n − 1 degrees of freedom."""
    high: float | None = None


class Difference(Response):
    """A difference with its 95 % interval; positive where the first is better, whichever way better is."""

    estimate: float
    low: float | None
    high: float | None


class Comparison(Difference):
    """The incumbent's replicates less another point's, by Welch's t."""

    df: float | None
    """Welch–Satterthwaite degrees of freedom; None where neither sample varies."""
    p: float
    """Two-sided."""
    p_better: float
    """One-sided: that the incumbent is not better."""
    distinguishable: bool
    """p ≤ alpha."""


class AuditedPoint(Response):
    """A frozen point: the value that it was selected by, and the one that its audit found."""

    role: PointRole
    trial: int
    params: Params
    selection_value: float
    """What the search believed; of the control, what a random permutation of the values gave it."""
    observed: float
    """What the search measured there: for all but the control the same."""
    shrunk: Interval | None = None
    """What the campaign's model believed of the point when the audit began, noise excluded: a value that its
    neighbours have drawn back from its luck. None where there was no model to ask."""
    replicates: Replicates
    winners_curse: Difference | None = None
    """How much better the selection value is than the replicate mean; None without a value."""
    versus_incumbent: Comparison | None = None
    """How much better the incumbent's replicates are; None for itself, and with fewer than two values."""


class NullCampaign(Response):
    """One random search, audited as the campaign is: by replicates of its own incumbent."""

    study: str
    reused: bool
    search: SearchCounts
    over: bool
    trial: int | None = None
    """Its incumbent; None while there is none."""
    selection_value: float | None = None
    replicates: Replicates | None = None


class NullComparison(Response):
    """The incumbent's replicate mean among those of the random searches."""

    campaigns: int
    at_least_as_good: int
    p: float
    """(1 + those at least as good)/(campaigns + 1)."""
    attainable_p: float
    """The smallest p that so many campaigns can give."""
    monte_carlo_se: float
    """√(p(1 − p)/campaigns): of p as an estimate of what infinitely many campaigns would give."""
    significant: bool | None
    """p ≤ alpha; None where alpha is below the attainable p, so that no data could have said yes."""
    median: float | None
    """The replicate mean of the median campaign; None where that found nothing that counts."""


class AuditTask(Response):
    """A study of the audit that has trials left: it needs workers."""

    study: str
    role: CompanionRole
    state: StudyState
    left: int
    """Trials that are yet to end."""
    leased: int


class Verdict(Response):
    """What the audit says of the claim that the campaign found something better than random search does."""

    improvement: Literal["supported", "uncertain", "not supported"]
    reason: str


class AuditReport(Response):
    """Answer to POST and GET /v1/studies/{s}/audit, made of what has been measured so far."""

    study: str
    number: int
    """1 for the study's first audit."""
    audits: int
    """How many the study has had: each is another look."""
    state: Literal["running", "complete"]
    created_at: Moment
    completed_at: Moment | None
    objective: Objective
    request: AuditRequest
    tasks: tuple[AuditTask, ...]
    """What needs workers now. More may follow: what a random search found is replicated once it is over."""
    trials_left: int
    """Trials that are yet to end, those of studies that do not exist yet included."""
    search: SearchCounts
    """The campaign, as it was when the audit began."""
    points: tuple[AuditedPoint, ...]
    null_campaigns: tuple[NullCampaign, ...]
    null: NullComparison | None
    """None while the audit is running: no look before its end."""
    runner_up_distinguishable: bool | None
    """None while it is running, and where there is nothing to compare."""
    better_than_control: bool | None
    """Likewise: one-sided, at level alpha."""
    verdict: Verdict | None
    """None while it is running."""
