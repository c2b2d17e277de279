import time

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from headway_workers import registry
from headway_workers.signature_audit.checks import concordance_by_pairs, curse_table, log_rank
from headway_workers.signature_audit.figure import draw
from headway_workers.signature_audit.objective import SignatureAudit

POINT = {
    "k": 12,
    "rank_by": "cox_z",
    "aggregator": "mean",
    "transform": "z",
    "split": "continuous",
    "var_filter_q": 0.2,
    "adjust": "none",
}


@pytest.fixture(scope="module")
def problem():
    return SignatureAudit()


def test_same_point_and_seed_give_the_same_evaluation_in_another_instance(problem):
    again = SignatureAudit().evaluate(POINT, seed=3, fidelity=200)
    assert problem.evaluate(POINT, seed=3, fidelity=200) == again


def test_seed_draws_the_nulls_alone(problem):
    one, other = (
        problem.evaluate(POINT | {"rank_by": "variance"}, seed=seed, fidelity=200) for seed in (1, 2)
    )
    assert one.objectives == other.objectives
    assert one.metrics["c_audit"] == other.metrics["c_audit"]
    assert one.metrics["p_random_gene"] != other.metrics["p_random_gene"]


@pytest.mark.parametrize(
    "changed",
    [
        {"aggregator": "pc1", "split": "median"},
        {"aggregator": "rank_mean", "transform": "rank"},
        {"aggregator": "cox_weighted", "transform": "log2", "split": "tertile"},
        {"rank_by": "variance", "adjust": "metaPCNA"},
        {"rank_by": "correlation_to_seed_gene", "adjust": "age+grade"},
        {"aggregator": "coxnet", "alpha": 0.1, "l1_ratio": 0.5, "transform": "log2"},
        {"aggregator": "coxnet", "alpha": 1.0, "l1_ratio": 1.0},
        {"k": 1},
    ],
)
def test_every_branch_gives_a_concordance_and_its_ps(problem, changed):
    found = problem.evaluate(POINT | changed, fidelity=200)
    assert found.status == "ok"
    assert 0.0 < found.objectives["c_index"] < 1.0
    metrics = {name: metric.value for name, metric in found.metrics.items()}
    assert metrics["min_attainable_p"] == pytest.approx(1 / 3)  # two re-runs at the lowest fidelity
    assert metrics["p_random_gene"] >= 1 / 201
    assert found.metrics["c_audit"].role == "audit"


def test_rungs_count_random_sets(problem):
    rungs = []
    problem.evaluate(POINT, fidelity=1_200, report=lambda *rung: rungs.append(rung[0]))
    assert rungs == [500, 1_000, 1_200]


def test_impossible_points_and_deadlines_are_results(problem):
    many = problem.evaluate(POINT | {"k": 150}, fidelity=200, deadline=time.monotonic() - 1.0)
    assert many.status == "timeout"
    assert registry.objective("signature-audit").name == "signature-audit"


def test_quick_checks_pass():
    assert [one for one in (concordance_by_pairs(), log_rank(), *curse_table()) if not one.passed] == []


@pytest.mark.slow
def test_picture_has_both_panels():
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure)
    left, right = figure.axes
    assert left.get_xlabel() == "Harrell's C in 200 patients"
    assert len(right.lines) == 3
