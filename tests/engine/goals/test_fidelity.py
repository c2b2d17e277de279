"""The choice of a fidelity, against the joint posterior of BoTorch's model."""

import numpy as np
import pytest
import torch

from headway.wire.space import Float, Int
from headway_server.domain.goals import FidelityGoal
from headway_server.domain.space import SearchSpace
from headway_server.engine.goals.fidelity import LEVELS, FidelityAxis
from headway_server.engine.gp.acquisition import UpperConfidenceBound
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.points.encoding import Encoding
from headway_server.engine.search.surfaces import AcquisitionSurface
from tests.engine.reference import single_task_gp

BOX = SearchSpace.checked([Float(0, 1, name="x"), Float(0, 1, name="s"), Float(0, 1, name="y")])


def axis(goal, space=BOX):
    return FidelityAxis(goal, Encoding(space))


@pytest.fixture
def data(problem):
    return problem(15, 3, noise=1e-2)


def everywhere(_):
    return True


@pytest.mark.parametrize("per_unit", [0.01, 1.0, 100.0])
def test_it_removes_most_of_the_variance_at_the_target_per_cost(data, per_unit):
    hyperparameters, rows, z, _ = data
    posterior, model = Posterior.build(*data), single_task_gp(hyperparameters, rows, z)
    goal = FidelityGoal("s", 1.0, 0.05, per_unit)
    row = np.array([0.3, 0.77, 0.6])
    levels = np.linspace(0, 1, LEVELS)
    with torch.no_grad():
        points = np.stack([np.full(LEVELS, 0.3), levels, np.full(LEVELS, 0.6)], axis=1)
        covariance = model.posterior(torch.as_tensor(points)).distribution.covariance_matrix.numpy()
    removed = covariance[-1] ** 2 / covariance[-1, -1] / (np.diag(covariance) + hyperparameters.noise)
    best = (removed / (0.05 + per_unit * levels)).argmax()
    chosen, choice = axis(goal).choose(posterior, row, everywhere)
    assert choice.value == pytest.approx(levels[best])
    assert choice.removed == pytest.approx(removed[best], rel=1e-6)
    assert choice.cost == pytest.approx(0.05 + per_unit * levels[best])
    np.testing.assert_array_equal(chosen, [0.3, choice.value, 0.6])
    np.testing.assert_array_equal(row, [0.3, 0.77, 0.6])


def test_where_all_cost_the_same_the_target_is_chosen(data):
    posterior = Posterior.build(*data)
    _, choice = axis(FidelityGoal("s", 1.0, 1.0, 1e-12)).choose(
        posterior, np.array([0.3, 0.2, 0.6]), everywhere
    )
    assert choice.value == 1.0


def test_a_fidelity_that_is_taken_is_passed_over(data):
    posterior, row = Posterior.build(*data), np.array([0.3, 0.2, 0.6])
    wanted = axis(FidelityGoal("s", 1.0, 0.05, 1.0))
    first, choice = wanted.choose(posterior, row, everywhere)
    second, other = wanted.choose(posterior, row, lambda at: not np.array_equal(at, first))
    assert other.value != choice.value
    assert second[1] != first[1]
    again, same = wanted.choose(posterior, row, lambda _: False)
    assert same == choice
    np.testing.assert_array_equal(again, first)


def test_whole_and_logarithmic_fidelities_keep_to_their_scale(problem):
    space = SearchSpace.checked([Float(0, 1, name="x"), Int(1, 64, log=True, name="epochs")])
    posterior = Posterior.build(*problem(10, 2))
    wanted = axis(FidelityGoal("epochs", 27.0, 0.0, 1.0), space)
    for x in (0.1, 0.5, 0.9):
        row, choice = wanted.choose(posterior, np.array([x, 0.3]), everywhere)
        assert choice.value in (27, 1, 2, 3, 5, 8, 13, 23, 38, 64)
        assert Encoding(space).params(row)["epochs"] == choice.value
        assert choice.cost == choice.value
    assert Encoding(space).params(wanted.project(np.array([[0.2, 0.9]]))[0])["epochs"] == 27


def test_a_projected_surface_is_flat_along_the_fidelity(data):
    posterior = Posterior.build(*data)
    plain = AcquisitionSurface(posterior, UpperConfidenceBound(1.0), beta=1.0)
    surface = axis(FidelityGoal("s", 0.75, 1.0, 1.0)).surface(plain)
    at = np.random.default_rng(0).random((6, 3))
    there = at.copy()
    there[:, 1] = 0.75
    np.testing.assert_array_equal(surface.values(at), plain.values(there))
    value, gradient = surface.values_and_gradients(at)
    expected_value, expected = plain.values_and_gradients(there)
    np.testing.assert_array_equal(value, expected_value)
    assert (gradient[:, 1] == 0.0).all()
    np.testing.assert_array_equal(gradient[:, [0, 2]], expected[:, [0, 2]])
    assert surface.beta == 1.0
