import time

import numpy as np
import pytest

from headway.wire.base import Params
from headway_server.domain.space import SearchSpace
from headway_workers import registry
from headway_workers.contract import Evaluation, Objective
from headway_workers.digits_svm.objective import DigitsSvm
from headway_workers.matrix_completion.completion import MatrixCompletion
from headway_workers.matrix_completion.inpainting import ImageInpainting

DIGITS: Params = {"C": 10.0, "gamma": 0.02, "kernel": "rbf", "components": 20, "scaling": True}
PICTURE: Params = {"rank": 15, "eta": 0.5, "init_scale": 0.5, "iterations": 60}
MATRIX: Params = {"algorithm": "VGD", "eta": 0.5, "init_scale": 1.0, "rank_fit": 5, "max_iter": 40}


@pytest.fixture(
    params=[(DigitsSvm, DIGITS), (ImageInpainting, PICTURE), (MatrixCompletion, MATRIX)],
    ids=lambda p: p[0].name,
)
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


def test_random_points_give_finite_values_or_diverge_without_a_warning(case):
    kind, _ = case
    space, rng, objective = SearchSpace(kind.parameters), np.random.default_rng(5), kind()
    for _ in range(4):
        params = space.from_uniform(rng.random(len(kind.parameters)).tolist())
        evaluation = objective.evaluate(params, fidelity=3)
        assert evaluation.status in {"ok", "diverged"}, params


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
