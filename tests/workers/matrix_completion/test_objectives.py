import time

import numpy as np
import pytest
from matplotlib.figure import Figure

from headway.wire.base import Params
from headway_server.domain.space import SearchSpace
from headway_workers.matrix_completion import completion, convergence, figure, inpainting_checks, recovery
from headway_workers.matrix_completion.algorithms import ALGORITHMS
from headway_workers.matrix_completion.campaign import best, campaign
from headway_workers.matrix_completion.completion import MatrixCompletion
from headway_workers.matrix_completion.course import Unfinished, watched
from headway_workers.matrix_completion.descent import Start, descend
from headway_workers.matrix_completion.images import camera
from headway_workers.matrix_completion.inpainting import ImageInpainting
from headway_workers.matrix_completion.movielens import MovieLens
from headway_workers.matrix_completion.ratings import Ratings, numbered
from headway_workers.matrix_completion.residuals import residuals
from headway_workers.matrix_completion.synthetic import Ensemble

LEAVES: Params = {"rank": 20, "eta": 3.0, "init_scale": 1.0, "iterations": 400}
MATRIX: Params = {"algorithm": "VGD", "eta": 0.5, "init_scale": 1.0, "rank_fit": 2, "max_iter": 40}
RATINGS: Params = {
    "algorithm": "VGD",
    "eta": 0.05,
    "init_scale": 0.1,
    "rank_fit": 2,
    "max_iter": 300,
    "min_count": 0,
    "user_shrinkage": 5.0,
    "film_shrinkage": 5.0,
}
SMALL = Ensemble(60, 50, 2, 0.5, kappa=2.0, sigma=0.01)


def rated(seed: int = 1) -> Ratings:
    """Users of two tastes rate films of two kinds, with noise."""
    rng = np.random.default_rng(seed)
    users, films = np.nonzero(rng.random((80, 70)) < 0.6)
    taste, kind = rng.choice([-1.0, 1.0], 80), rng.choice([-1.0, 1.0], 70)
    stars = 3.0 + taste[users] * kind[films] + 0.3 * rng.standard_normal(len(users))
    return numbered(users, films, np.clip(np.round(2 * stars) / 2, 0.5, 5.0))


@pytest.fixture
def objective():
    return MovieLens(0, rated())


def test_completion_audits_by_entries_that_selection_never_used():
    found = MatrixCompletion(0, SMALL).evaluate(MATRIX)
    selection, audit = found.objectives["log10_error"], found.metrics["log10_error_audit"]
    assert audit.role == "audit"
    assert selection != audit.value
    assert selection == pytest.approx(audit.value, abs=0.1)
    assert selection < -1.5


def test_completion_counts_operations_into_the_second_goal():
    found = MatrixCompletion(0, SMALL).evaluate(MATRIX)
    assert found.operations == 6 * 60 * 50 * 2 * 40
    assert 10 ** found.objectives["log10_operations"] == pytest.approx(found.operations)


def test_completion_measures_the_imbalance_that_its_constraint_names():
    scaled = {**MATRIX, "algorithm": "ScaledGD"}
    one, other = (MatrixCompletion(0, SMALL).evaluate(point).constraints for point in (MATRIX, scaled))
    assert one["imbalance"] < other["imbalance"]
    assert MatrixCompletion.outcome_constraints == (f"imbalance <= {completion.LARGEST_IMBALANCE}",)


def test_completion_on_a_device_is_that_on_the_processor(device):
    here, there = (MatrixCompletion(0, SMALL).evaluate(MATRIX, device=where) for where in ("cpu", device))
    assert there.objectives == pytest.approx(dict(here.objectives), rel=1e-9)


def test_weight_and_step_belong_to_the_algorithms_that_have_them():
    space = SearchSpace(MatrixCompletion.parameters)
    for algorithm, inactive in (("VGD", {"lam"}), ("BGD", set()), ("AltMin", {"eta", "lam", "init_scale"})):
        params = {"eta": 0.5, "lam": 0.1, "init_scale": 1.0, "rank_fit": 2, "max_iter": 40}
        active = {name: value for name, value in params.items() if name not in inactive}
        assert space.check({"algorithm": algorithm, **active}) == {"algorithm": algorithm, **active}


def test_singular_step_is_a_failed_solver_with_its_reason():
    drawn = SMALL.draw(0)
    nothing = Start(np.zeros((60, 2)), np.zeros((50, 2)), 1.0, (1.0, 1.0))
    path = descend(residuals(drawn.observed), nothing, 0.5, 3, algorithm="ScaledGD")
    with pytest.raises(Unfinished, match="singular") as caught:
        list(watched(path, 3, None))
    assert caught.value.evaluation(7.0).status == "solver_failed"


def test_ratings_are_predicted_better_than_by_biases(objective):
    found = objective.evaluate(RATINGS)
    assert found.objectives["rmse"] < 0.6 * found.metrics["rmse_of_biases"].value
    assert found.metrics["test_rmse"].value < 0.6 * found.metrics["test_rmse_of_biases"].value
    assert found.metrics["test_rmse"].role == "audit"


def test_descent_on_ratings_stops_early_at_the_best_validation_error(objective):
    rungs = {}
    long = {**RATINGS, "rank_fit": 30, "max_iter": 2_000}
    found = objective.evaluate(long, report=lambda step, partial: rungs.update({step: partial}))
    stopped = found.metrics["stopped_at"].value
    assert stopped < 1_900
    assert objective.evaluate(long, fidelity=int(stopped)).objectives == found.objectives
    assert list(rungs.values()) == sorted(rungs.values(), reverse=True)


def test_users_without_enough_ratings_keep_the_bias_model(objective):
    found = objective.evaluate({**RATINGS, "min_count": 40})
    assert found.objectives["rmse"] > objective.evaluate(RATINGS).objectives["rmse"]
    rare = MovieLens(0, rated().part(np.random.default_rng(0).random(len(rated())) < 0.62))
    assert rare.evaluate({**RATINGS, "min_count": 40}).status == "infeasible"


def test_ratings_on_a_device_are_those_on_the_processor(device, objective):
    here, there = (objective.evaluate(RATINGS, device=where) for where in ("cpu", device))
    assert there.objectives == pytest.approx(dict(here.objectives), rel=1e-4)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_evaluates_to_a_result_or_a_reason(algorithm, objective):
    point = {**RATINGS, "algorithm": algorithm, "lam": 0.1}
    found = objective.evaluate(point)
    assert found.status == "ok" or found.reason
    late = objective.evaluate(point, deadline=time.monotonic() - 1.0)
    assert late.status == "timeout"


def test_divergence_ends_the_evaluation_as_diverged(objective):
    for found in (ImageInpainting().evaluate(LEAVES), objective.evaluate({**RATINGS, "eta": 30.0})):
        assert found.status == "diverged"
        assert "iteration" in found.reason
        assert not found.objectives
        assert found.operations > 0


def test_known_pixels_are_never_changed():
    photograph = camera(0.5, seed=0)
    filled = photograph.filled(np.zeros((512, 512)))
    assert np.array_equal(filled[photograph.known], photograph.truth[photograph.known])


def test_inpainting_on_a_device_is_that_on_the_processor(device):
    point: Params = {"rank": 5, "eta": 0.5, "init_scale": 1.0, "iterations": 20}
    here, there = (ImageInpainting().evaluate(point, device=where) for where in ("cpu", device))
    assert there.objectives["psnr"] == pytest.approx(here.objectives["psnr"], abs=0.01)


def test_campaign_is_the_same_again_and_finds_the_best_of_its_trials(objective):
    one, other = (campaign(objective, 8, seed=3) for _ in range(2))
    assert one == other
    found = best(objective, one).evaluation.objectives["rmse"]
    good = [trial.evaluation.objectives["rmse"] for trial in one if trial.evaluation.status == "ok"]
    assert found == min(good)


@pytest.mark.slow
def test_biharmonic_filling_wins_and_is_only_reported():
    check = inpainting_checks.biharmonic_baseline()
    assert check.oracle > check.ours
    assert check.passed


@pytest.mark.long
def test_psnr_table_is_reproduced():
    assert [check for check in inpainting_checks.psnr_table() if not check.passed] == []


@pytest.mark.long
def test_convergence_at_condition_number_1():
    found = [
        convergence.linear_convergence(1.0),
        convergence.exact_rate(1.0),
        convergence.iterations("VGD", 1.0),
        convergence.iterations("ScaledGD", 1.0),
        *convergence.same_quality(1.0),
        *convergence.balance_along_the_path(1.0),
    ]
    assert [check for check in found if not check.passed] == []


@pytest.mark.slow
def test_noise_floor():
    assert [check for check in convergence.noise_floor() if not check.passed] == []


@pytest.mark.slow
def test_recovery_sets_in_with_more_entries():
    found = list(recovery.phase_transition(ranks=(5,), trials=2))
    assert [check for check in found if not check.passed] == []


@pytest.mark.slow
def test_picture_has_two_panels_of_lines_and_four_photographs(monkeypatch):
    monkeypatch.setattr(figure, "STEPS", {1.0: 5, 5.0: 5})
    drawn = Figure()
    figure.draw(drawn)
    upper, lower = drawn.subfigs
    assert [len(axes.lines) for axes in upper.axes] == [7, 7]
    assert [len(axes.images) for axes in lower.axes] == [1, 1, 1, 1]
