import time
import warnings

import numpy as np
import pytest

from headway.wire.base import Params
from headway_server.domain.space import SearchSpace
from headway_workers import registry
from headway_workers.contract import Evaluation, Objective
from headway_workers.digits_svm.objective import DigitsSvm
from headway_workers.matrix_completion.descent import descend, spectral_start
from headway_workers.matrix_completion.images import camera
from headway_workers.matrix_completion.inpainting import ImageInpainting

DIGITS: Params = {"C": 10.0, "gamma": 0.02, "kernel": "rbf", "components": 20, "scaling": True}
PICTURE: Params = {"rank": 15, "eta": 0.5, "init_scale": 0.5, "iterations": 60}
LEAVES: Params = {"rank": 20, "eta": 1.2, "init_scale": 1.0, "iterations": 400}


@pytest.fixture(params=[(DigitsSvm, DIGITS), (ImageInpainting, PICTURE)], ids=lambda p: p[0].name)
def case(request: pytest.FixtureRequest) -> tuple[type[Objective], Params]:
    found: tuple[type[Objective], Params] = request.param
    return found


def test_same_params_and_seed_give_the_same_evaluation_in_another_instance(case):
    kind, params = case
    assert kind().evaluate(params, seed=3) == kind().evaluate(params, seed=3)


def test_problem_seed_changes_the_problem():
    one, other = (ImageInpainting(seed).evaluate(PICTURE) for seed in (0, 1))
    assert one.objectives != other.objectives
    one, other = (DigitsSvm(seed).evaluate(DIGITS) for seed in (0, 1))
    assert one.objectives != other.objectives


def test_declared_space_makes_sense_and_holds_the_point(case):
    kind, params = case
    assert SearchSpace.from_wire(kind.definition().space).check(params) == params


def test_definition_takes_another_name_and_budget(case):
    definition = case[0].definition("mine", budget=5)
    assert (definition.name, definition.budget) == ("mine", 5)
    assert case[0].definition().name == case[0].name


def test_rungs_are_reported_and_finite(case):
    kind, params = case
    rungs = {}
    kind().evaluate(params, report=lambda step, partial: rungs.update({step: partial}))
    assert len(rungs) >= 2
    assert np.isfinite(list(rungs.values())).all()


def test_fidelity_cuts_the_evaluation_short(case):
    kind, params = case
    assert kind().evaluate(params, fidelity=2).objectives != kind().evaluate(params).objectives


def test_passed_deadline_is_a_timeout_with_a_reason(case):
    kind, params = case
    evaluation = kind().evaluate(params, deadline=time.monotonic() - 1.0)
    assert evaluation.status == "timeout"
    assert evaluation.reason
    assert not evaluation.objectives


def test_random_points_give_finite_values_and_no_warning(case):
    kind, _ = case
    space, rng, objective = SearchSpace(kind.parameters), np.random.default_rng(5), kind()
    for _ in range(4):
        params = space.from_uniform(rng.random(len(kind.parameters)).tolist())
        evaluation = objective.evaluate(params, fidelity=3)
        assert evaluation.status == "ok", params


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_is_an_outcome_with_its_iteration_and_no_warning(dtype):
    photograph = camera(0.5, seed=0, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        *_, last = descend(photograph.sampled, spectral_start(photograph.sampled, 20), 3.0, 400)
    assert last.diverged
    assert 0 < last.iteration < 400


def test_divergence_ends_the_evaluation_as_diverged():
    evaluation = ImageInpainting().evaluate({**LEAVES, "eta": 3.0})
    assert evaluation.status == "diverged"
    assert "iteration" in evaluation.reason
    assert not evaluation.objectives


def test_descent_keeps_single_precision():
    photograph = camera(0.5, seed=0)
    *_, last = descend(photograph.sampled, spectral_start(photograph.sampled, 3), 0.5, 2)
    assert last.X.dtype == last.Y.dtype == np.float32


def test_known_pixels_are_never_changed():
    photograph = camera(0.5, seed=0)
    known = photograph.sampled.mask > 0
    assert np.array_equal(photograph.filled(np.zeros((512, 512)))[known], photograph.truth[known])


def test_unknown_objective_is_refused_with_the_known_ones():
    with pytest.raises(registry.UnknownObjective, match=r"'nonsense'.*digits-svm, image-inpainting"):
        registry.objective("nonsense")


@pytest.mark.parametrize("name", registry.names())
def test_registered_name_is_the_objectives_own(name):
    assert registry.objective(name).name == name


def test_evaluation_refuses_nan_and_missing_reason():
    with pytest.raises(ValueError, match="nan"):
        Evaluation({"error": float("nan")})
    with pytest.raises(ValueError, match="says why"):
        Evaluation(status="diverged")
    with pytest.raises(ValueError, match="has an objective"):
        Evaluation()
