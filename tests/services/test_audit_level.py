"""Whether audits can be believed: campaigns by the hundred.

They are simulated in memory: what is frozen and what is reported is computed by the code that the server
runs, over rows that are made here instead of being read. The last test is one whole audit on a database.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from headway.wire.campaign_audit import AuditRequest, SearchCounts
from headway.wire.space import Float, Space
from headway.wire.study import Objective, StudyDefinition
from headway.wire.trial import SuggestRequest
from headway_server.domain.audit import CampaignAudit, Companion, Counted, NullSlot, control_of, frozen_points
from headway_server.domain.study import Study
from headway_server.services.audit_report import report_of
from headway_server.services.suggest import suggest
from headway_server.storage.campaign_audits import Result, Standing
from tests.services.audits import Laboratory

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING_SEARCHED = SearchCounts(
    trials=0, completed=0, infeasible=0, failed=0, stopped=0, lost=0, worker_s=0.0
)
CAMPAIGNS = 200
REPLICATES = 10


def study_of(goal):
    definition = StudyDefinition(
        name="s", space=Space(parameters=(Float(0, 1, name="x"),)), objectives=(Objective(goal=goal),)
    )
    return Study.define(definition, NOW)


class Rows:
    """The rows of studies that are over."""

    def __init__(self, results):
        self._results = results

    def standings(self, ids, *, worked):
        return {id_: Standing("completed", deleted=False, budget_left=0) for id_ in ids}

    def results(self, ids):
        return self._results


@dataclass
class InMemory:
    campaign_audits: Rows


def result(trial, value):
    return Result(trial=trial, value=value, metrics={}, params={})


def counted(values, points):
    return [
        Counted(number, {"x": float(x)}, float(value))
        for number, (value, x) in enumerate(zip(values, points, strict=True), start=1)
    ]


def audited(rng, truth, searched, *, goal="maximize", null_campaigns=19, alpha=0.05):
    """A campaign that tried points `searched` (n,), audited beside random searches of n points; noise is 1.

    Args:
        rng: of all that is random.
        truth: x → expected value.
        searched: the points of the campaign.
        goal: of the objective.
        null_campaigns: K.
        alpha: level.
    """
    study = study_of(goal)

    def found(points):
        return counted(truth(points) + rng.normal(size=len(points)), points)

    def again(points, numbers):
        return [
            result(number, float(truth(np.array(x)) + rng.normal()))
            for number, x in zip(numbers, points, strict=True)
        ]

    mine = found(searched)
    points = frozen_points(study, mine, 3)
    points.append(control_of(0, study, mine, points[0]))
    turns = [point.params["x"] for _ in range(REPLICATES) for point in points]
    results = {1: again(turns, range(1, len(turns) + 1))}
    slots = []
    for k in range(null_campaigns):
        (best,) = frozen_points(study, found(rng.uniform(size=len(searched))), 1)
        results[1001 + k] = again([best.params["x"]] * REPLICATES, range(1, REPLICATES + 1))
        slots.append(
            NullSlot(Companion(101 + k, f"null-{k}"), frozen=best, replicates=Companion(1001 + k, f"rep-{k}"))
        )
    audit = CampaignAudit(
        study_id=0,
        number=1,
        digest="",
        request=AuditRequest(replicates=REPLICATES, null_campaigns=null_campaigns, alpha=alpha),
        definition=study.definition,
        search=NOTHING_SEARCHED,
        budget=len(searched),
        points=tuple(points),
        searches=tuple(slots),
        created_at=NOW,
        replicates=Companion(1, "replicates"),
        completed_at=NOW,
    )
    return report_of(InMemory(Rows(results)), study, audit, 1)


def flat(x):
    return np.zeros_like(x)


def noise_campaigns(n, number=CAMPAIGNS, **how):
    rng = np.random.default_rng(20_260_101 + n)
    return [audited(rng, flat, rng.uniform(size=n), **how) for _ in range(number)]


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_pure_noise_is_not_called_an_improvement_beyond_the_level(alpha):
    reports = noise_campaigns(20, alpha=alpha)
    supported = sum(report.verdict.improvement == "supported" for report in reports)
    assert supported <= stats.binom.ppf(0.999, CAMPAIGNS, alpha)
    # The p-value is uniform on its 20 values: neither too bold nor good for nothing.
    ranks = np.bincount([round(report.null.p * 20) for report in reports], minlength=21)[1:]
    assert stats.chisquare(ranks).pvalue > 0.001
    # The test can fail: whoever believes the selection value instead finds an improvement nearly always.
    believed = sum(
        all(report.points[0].selection_value > one.replicates.mean for one in report.null_campaigns)
        for report in reports
    )
    assert believed > 0.9 * CAMPAIGNS


def test_of_pure_noise_the_incumbent_is_not_better_than_the_control_beyond_the_level():
    reports = noise_campaigns(20)
    for told in (
        [report.better_than_control for report in reports],
        [report.runner_up_distinguishable for report in reports],
    ):
        assert sum(told) <= stats.binom.ppf(0.999, CAMPAIGNS, 0.05)


@pytest.mark.parametrize(("n", "bias"), [(20, 1.87), (50, 2.25), (100, 2.51), (200, 2.75), (400, 2.97)])
def test_the_selection_value_is_biased_by_the_expected_maximum_and_the_audit_value_is_not(n, bias):
    """E[max] of n standard normals; the audit's mean has the standard error 1/√m."""
    reports = noise_campaigns(n, number=400, null_campaigns=1)
    incumbents = [report.points[0] for report in reports]
    curse = np.array([point.winners_curse.estimate for point in incumbents])
    assert abs(curse.mean() - bias) < 4 * curse.std(ddof=1) / math.sqrt(len(curse)) + 0.005
    means = np.array([point.replicates.mean for point in incumbents])
    assert abs(means.mean()) < 4 / math.sqrt(REPLICATES * len(means))
    assert stats.kstest(means * math.sqrt(REPLICATES), "norm").pvalue > 0.001
    covered = sum(point.replicates.low <= 0.0 <= point.replicates.high for point in incumbents)
    assert abs(covered / len(incumbents) - 0.95) < 4 * math.sqrt(0.95 * 0.05 / len(incumbents))


def test_the_control_is_selected_by_the_best_value_and_keeps_none_of_it():
    controls = [report.points[-1] for report in noise_campaigns(20, null_campaigns=1)]
    assert {point.role for point in controls} == {"control"}
    curse = np.array([point.winners_curse.estimate for point in controls])
    assert abs(curse.mean() - 1.87) < 4 * curse.std(ddof=1) / math.sqrt(len(curse))


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_a_real_improvement_is_found(goal):
    """A narrow peak of height 4, which the campaign has come upon and 20 random points nearly always miss."""
    sign = 1.0 if goal == "maximize" else -1.0

    def peak(x):
        return sign * 4.0 * np.exp(-(((x - 0.3) / 0.0004) ** 2))

    rng = np.random.default_rng(7)
    reports = []
    for _ in range(50):
        searched = np.concatenate([rng.uniform(size=12), 0.3 + 0.0001 * rng.normal(size=8)])
        reports.append(audited(rng, peak, searched, goal=goal))
    supported = [report for report in reports if report.verdict.improvement == "supported"]
    assert len(supported) >= 40
    assert sum(report.points[0].winners_curse.estimate > 0 for report in reports) >= 40
    assert all(report.null.p == 0.05 for report in supported)


def test_with_too_few_random_searches_nothing_is_called_supported():
    rng = np.random.default_rng(3)

    def better_at_one(x):
        return np.where(x == 1.0, 9.0, 0.0)

    report = audited(rng, better_at_one, np.array([0.1, 0.2, 0.3, 1.0]), null_campaigns=9)
    assert report.null.significant is None
    assert report.verdict.improvement == "uncertain"
    assert "no p is below 0.1" in report.verdict.reason
    enough = audited(rng, better_at_one, np.array([0.1, 0.2, 0.3, 1.0]), null_campaigns=19)
    assert enough.verdict.improvement == "supported"
    assert enough.better_than_control


@pytest.fixture
def database(sqlite_database):
    """Whole audits on PostgreSQL are `test_campaign_audit.py`'s; this one has 40 studies."""
    return sqlite_database


@pytest.mark.slow
def test_a_real_improvement_is_found_by_a_whole_audit(database, engine, define):
    """Through suggest and finish: the random searches get x = k/1000 of this engine, the campaign x = 0.9."""
    lab = Laboratory(database, engine)
    define(budget=4, objectives=(Objective(name="value", goal="maximize"),))

    def measure(params, seed):
        return params["x"] + 0.01 * np.random.default_rng(seed).normal()

    for x in (0.2, 0.5, 0.9, 0.4):
        (trial,) = suggest(database, engine, "s", SuggestRequest(fixed={"x": x})).response.trials
        lab.report("s", trial, measure(trial.params, trial.seed))
    report = lab.audit("s", measure)
    assert report.verdict.improvement == "supported"
    assert (report.null.p, report.null.campaigns) == (0.05, 19)
    assert report.points[0].params == {"x": 0.9}
    assert report.points[0].replicates.low < 0.9 < report.points[0].replicates.high
    assert report.runner_up_distinguishable
    assert report.better_than_control
