import numpy as np
import pytest
from scipy.optimize import minimize

from headway_server.engine.gp.acquisition import UpperConfidenceBound
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.search import maximize as maximize_module
from headway_server.engine.search.maximize import maximise


def quadratic(centre, weights):
    def function(x):
        return -((x - centre) ** 2 @ weights), -2 * weights * (x - centre)

    return function


def test_interior_maximum_of_an_ill_conditioned_quadratic():
    centre = np.array([0.2, 0.7, 0.5])
    starts = np.random.default_rng(0).random((6, 3))
    x, f = maximise(
        quadratic(centre, np.array([1.0, 30.0, 1000.0])), starts, max_evaluations=80, tolerance=1e-10
    )
    np.testing.assert_allclose(x, np.tile(centre, (6, 1)), atol=1e-3)
    np.testing.assert_allclose(f, 0.0, atol=1e-5)


def test_maximum_on_the_bounds():
    centre = np.array([1.5, -0.5, 0.3])
    x, _ = maximise(quadratic(centre, np.ones(3)), np.full((2, 3), 0.5), max_evaluations=60)
    np.testing.assert_allclose(x, [[1.0, 0.0, 0.3]] * 2, atol=1e-4)


def test_fixed_coordinates_stay():
    starts = np.array([[0.9, 0.9], [0.1, 0.4]])
    free = np.array([True, False])
    x, _ = maximise(quadratic(np.array([0.2, 0.2]), np.ones(2)), starts, free=free)
    np.testing.assert_allclose(x, [[0.2, 0.9], [0.2, 0.4]], atol=1e-4)


def test_no_row_ends_below_its_start():
    def function(x):
        return np.sin(40 * x).sum(axis=1), 40 * np.cos(40 * x)

    starts = np.random.default_rng(1).random((20, 3))
    x, f = maximise(function, starts)
    np.testing.assert_array_equal(f, function(x)[0])
    assert (f >= function(starts)[0]).all()
    assert f.mean() > function(starts)[0].mean() + 1.0


def test_a_constant_function_ends_at_once():
    calls = []

    def function(x):
        calls.append(len(x))
        return np.zeros(len(x)), np.zeros_like(x)

    starts = np.random.default_rng(1).random((4, 2))
    x, _ = maximise(function, starts)
    np.testing.assert_array_equal(x, starts)
    assert len(calls) <= 3


@pytest.mark.parametrize("d", [2, 8])
def test_as_good_as_scipy_on_acquisitions(problem, d):
    """From the same starts, with its own stopping rule, against L-BFGS-B to the end."""
    posterior = Posterior.build(*problem(60, d))
    ucb = UpperConfidenceBound(1.5)
    starts = np.random.default_rng(4).random((10, d))
    _, ours = maximise(lambda x: posterior.acquire_with_gradient(x, ucb), starts, max_evaluations=40)

    def negated(x):
        value, gradient = posterior.acquire_with_gradient(x[None], ucb)
        return -value[0], -gradient[0]

    theirs = [-minimize(negated, x, jac=True, method="L-BFGS-B", bounds=[(0, 1)] * d).fun for x in starts]
    assert ours.max() > max(theirs) - 0.02 * np.ptp(theirs) - 1e-6
    assert np.median(ours) > np.median(theirs) - 0.1 * np.ptp(theirs) - 1e-6


@pytest.mark.parametrize("width", [1, 500])
def test_lengths_of_the_function_serve_as_metric(monkeypatch, width):
    """Coordinates that differ a thousandfold in scale, with dense curvature and with the diagonal alone."""
    monkeypatch.setattr(maximize_module, "DENSE_WIDTH", width)
    scale = np.array([1e-3, 1.0, 0.05])
    function = quadratic(np.array([0.4, 0.6, 0.5]), scale**-2.0)
    starts = np.full((3, 3), 0.45)
    x, _ = maximise(function, starts, scale=scale, max_evaluations=60, tolerance=1e-12)
    np.testing.assert_allclose(x, np.tile([0.4, 0.6, 0.5], (3, 1)), atol=1e-4)
