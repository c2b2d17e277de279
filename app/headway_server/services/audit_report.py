"""The report of an audit: computed from rows whenever somebody asks, so that it can't grow stale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from headway.wire.campaign_audit import (
    AuditedPoint,
    AuditReport,
    AuditTask,
    Comparison,
    Difference,
    NullCampaign,
    NullComparison,
    Replicates,
)
from headway_server.domain.audit import CampaignAudit, NullSlot
from headway_server.domain.audit_statistics import NOTHING, null_test, summary, welch
from headway_server.domain.audit_verdict import verdict
from headway_server.domain.study import Study
from headway_server.storage.campaign_audits import GONE, Result, Standing
from headway_server.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Measured:
    """The replicates of one point."""

    values: list[float]
    shown: Replicates

    @property
    def counts(self) -> bool:
        """Whether the point has a value that may be compared: half of its replicates keep the constraints."""
        return bool(self.values) and 2 * self.shown.kept >= self.shown.n


@dataclass(frozen=True)
class Seen:
    """What the rows say of the audit's studies."""

    study: Study
    """The audited one."""
    audit: CampaignAudit
    standings: Mapping[int, Standing]
    results: Mapping[int, Sequence[Result]]

    @property
    def sign(self) -> float:
        """What makes of a value a utility, of which larger is better."""
        return 1.0 if self.study.maximize else -1.0

    def standing(self, study_id: int) -> Standing:
        """Where one of them stands."""
        return self.standings.get(study_id, GONE)

    def measured(self, study_id: int | None, point: int = 0, points: int = 1) -> Measured:
        """The replicates of one of the points that take turns in a study; None: it is still to be made."""
        results = [one for one in self.results.get(study_id or 0, ()) if (one.trial - 1) % points == point]
        planned = self.audit.request.replicates
        values = [one.value for one in results]
        over = study_id is not None and self.standing(study_id).over
        found = summary(values) if values else None
        kept = sum(self.study.counts(one.values, one.params) for one in results)
        shown = Replicates(
            planned=planned,
            n=len(values),
            failed=planned - len(values) if over else 0,
            kept=kept,
            mean=found and found.mean,
            std_error=found and found.std_error,
            low=found and found.low,
            high=found and found.high,
        )
        return Measured(values, shown)


def report_of(uow: UnitOfWork, study: Study, audit: CampaignAudit, audits: int) -> AuditReport:
    """The report, within a transaction.

    Args:
        uow: of the transaction.
        study: the audited one.
        audit: the audit.
        audits: how many the study has had.
    """
    ids = [one.study_id for one, _ in audit.companions]
    seen = Seen(
        study, audit, uow.campaign_audits.standings(ids, worked=True), uow.campaign_audits.results(ids)
    )
    points = _points(seen)
    complete = audit.completed_at is not None
    null = _null(seen, points[0][1]) if complete else None
    versus = {shown.role: shown.versus_incumbent for shown, _ in reversed(points)}  # of runners-up the first
    runner_up, control = versus.get("runner-up"), versus.get("control")
    better = None if control is None else control.p_better <= audit.request.alpha
    return AuditReport(
        study=study.name,
        number=audit.number,
        audits=audits,
        state="complete" if complete else "running",
        created_at=audit.created_at,
        completed_at=audit.completed_at,
        objective=study.objective,
        request=audit.request,
        tasks=_tasks(seen),
        trials_left=_trials_left(seen),
        search=audit.search,
        points=tuple(shown for shown, _ in points),
        null_campaigns=tuple(_campaign(seen, slot) for slot in audit.searches if slot.search is not None),
        null=null,
        runner_up_distinguishable=runner_up.distinguishable if complete and runner_up else None,
        better_than_control=better if complete else None,
        verdict=verdict(
            points[0][1].shown,
            null,
            alpha=audit.request.alpha,
            better_than_control=better,
            cut_short=_cut_short(seen),
        )
        if complete
        else None,
    )


def _points(seen: Seen) -> list[tuple[AuditedPoint, Measured]]:
    """Every frozen point with its replicates, the incumbent first."""
    audit = seen.audit
    made = audit.replicates.study_id if audit.replicates else None
    found: list[tuple[AuditedPoint, Measured]] = []
    for place, point in enumerate(audit.points):
        measured = seen.measured(made, place, len(audit.points))
        shown = AuditedPoint(
            role=point.role,
            trial=point.trial,
            params=point.params,
            selection_value=point.selection_value,
            observed=point.observed,
            shrunk=point.believed,
            replicates=measured.shown,
            winners_curse=_curse(seen.sign, point.selection_value, measured.shown),
            # No look before the end: a running audit shows what was measured, and tests nothing.
            versus_incumbent=_versus(seen, found[0][1], measured) if found and audit.completed_at else None,
        )
        found.append((shown, measured))
    return found


def _curse(sign: float, selected: float, replicates: Replicates) -> Difference | None:
    """How much better the selection value is: its interval is that of the replicates' mean."""
    if replicates.mean is None:
        return None
    ends = [sign * (selected - end) for end in (replicates.low, replicates.high) if end is not None]
    low, high = (min(ends), max(ends)) if ends else (None, None)
    return Difference(estimate=sign * (selected - replicates.mean), low=low, high=high)


def _versus(seen: Seen, incumbent: Measured, other: Measured) -> Comparison | None:
    if min(len(incumbent.values), len(other.values)) < 2:
        return None
    first, second = ([seen.sign * value for value in one.values] for one in (incumbent, other))
    test = welch(first, second)
    return Comparison(
        estimate=test.estimate,
        low=test.low,
        high=test.high,
        df=test.df,
        p=test.p,
        p_better=test.p_greater,
        distinguishable=test.p <= seen.audit.request.alpha,
    )


def _null(seen: Seen, incumbent: Measured) -> NullComparison | None:
    """The incumbent's mean among those of the random searches that were not deleted."""
    null = [utility for slot in seen.audit.searches if (utility := _utility(seen, slot)) is not None]
    if incumbent.shown.mean is None or not null:
        return None
    test = null_test(seen.sign * incumbent.shown.mean, null, seen.audit.request.alpha)
    middle = median(null)
    return NullComparison(
        campaigns=test.campaigns,
        at_least_as_good=test.at_least_as_good,
        p=test.p,
        attainable_p=test.attainable,
        monte_carlo_se=test.monte_carlo_se,
        significant=test.significant,
        median=seen.sign * middle if math.isfinite(middle) else None,
    )


def _utility(seen: Seen, slot: NullSlot) -> float | None:
    """What a random search found, by its replicates; None where it was deleted, or they were."""
    if any(one is not None and seen.standing(one.study_id).deleted for one in (slot.search, slot.replicates)):
        return None
    if slot.replicates is None:
        return NOTHING
    measured = seen.measured(slot.replicates.study_id)
    if measured.shown.mean is None or not measured.counts:
        return NOTHING
    return seen.sign * measured.shown.mean


def _campaign(seen: Seen, slot: NullSlot) -> NullCampaign:
    if slot.search is None:
        raise AssertionError("the random search is still to be made")
    standing = seen.standing(slot.search.study_id)
    return NullCampaign(
        study=slot.search.name,
        reused=slot.reused,
        search=standing.counts,
        over=standing.over,
        trial=slot.frozen.trial if slot.frozen else None,
        selection_value=slot.frozen.selection_value if slot.frozen else None,
        replicates=seen.measured(slot.replicates.study_id).shown if slot.replicates else None,
    )


def _tasks(seen: Seen) -> tuple[AuditTask, ...]:
    found: list[AuditTask] = []
    for companion, role in seen.audit.companions:
        standing = seen.standing(companion.study_id)
        if standing.left:
            found.append(
                AuditTask(
                    study=companion.name,
                    role=role,
                    state=standing.state,
                    left=standing.left,
                    leased=standing.trials.get("leased", 0),
                )
            )
    return tuple(found)


def _trials_left(seen: Seen) -> int:
    audit = seen.audit
    left = sum(seen.standing(one.study_id).left for one, _ in audit.companions)
    if audit.replicates is None:
        left += audit.request.replicates * len(audit.points)
    for slot in audit.searches:
        left += audit.budget if slot.search is None else 0
        left += 0 if slot.replicates or slot.nothing_counts else audit.request.replicates
    return left


def _cut_short(seen: Seen) -> list[str]:
    """The audit's own studies that ended before all of their trials were handed out."""
    reused = {slot.search.study_id for slot in seen.audit.searches if slot.reused and slot.search}
    return [
        one.name
        for one, _ in seen.audit.companions
        if (standing := seen.standing(one.study_id)).cut_short
        and (one.study_id not in reused or standing.deleted)
    ]
