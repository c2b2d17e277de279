"""Random scalarisations, against brute force, finite differences and BoTorch."""

import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated

from headway_server.engine.goals.scalarisation import (
    AUGMENTATION,
    Chebyshev,
    ScalarisedSurface,
    non_dominated,
)
from headway_server.engine.gp.acquisition import UpperConfidenceBound
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.search.surfaces import AcquisitionSurface


@pytest.mark.parametrize("m", [2, 3, 5])
def test_what_is_not_dominated_is_botorchs(m):
    rng = np.random.default_rng(m)
    for _ in range(20):
        y = rng.integers(0, 5, (40, m)).astype(float)
        expected = is_non_dominated(torch.tensor(y), deduplicate=False).numpy()
        np.testing.assert_array_equal(non_dominated(y), expected)


def test_weights_are_uniform_on_the_simplex():
    means = np.random.default_rng(0).random((30, 3))
    drawn = np.array([Chebyshev.draw(means, np.random.default_rng(k)).weights for k in range(4000)])
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    assert (drawn >= 0).all()
    # Each coordinate of a uniform point of the simplex is Beta(1, 2).
    np.testing.assert_allclose(drawn.mean(axis=0), 1 / 3, atol=0.02)
    np.testing.assert_allclose(drawn.std(axis=0), np.sqrt(1 / 18), atol=0.02)


def test_its_value_is_the_augmented_chebyshev_norm_of_values_scaled_to_their_range():
    means = np.array([[0.0, 10.0], [2.0, 6.0], [1.0, 4.0], [-3.0, 7.0]])
    scalarise = Chebyshev.draw(means, np.random.default_rng(1))
    v = np.array([[1.0, 7.0], [5.0, 0.0]])
    terms = scalarise.weights * (v - [2.5, 10.6]) / [5.0, 6.0]
    expected = terms.min(axis=1) + AUGMENTATION * terms.sum(axis=1)
    np.testing.assert_allclose(scalarise(v)[0], expected)


@pytest.mark.parametrize("means", [np.zeros((5, 2)), np.ones((1, 3)), np.array([[1.0, 2.0], [0.0, 2.0]])])
def test_a_range_of_zero_is_no_division_by_zero(means):
    value, slope = Chebyshev.draw(means, np.random.default_rng(0))(means)
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()


def test_gradients_are_finite_differences(problem):
    surfaces = []
    for seed in range(3):
        posterior = Posterior.build(*problem(20, 2, seed=seed))
        surfaces.append(AcquisitionSurface(posterior, UpperConfidenceBound(1.2), beta=1.44))
    at = np.random.default_rng(3).random((6, 2))
    means = np.random.default_rng(4).random((10, 3))
    surface = ScalarisedSurface(surfaces, Chebyshev.draw(means, np.random.default_rng(0)))
    value, gradient = surface.values_and_gradients(at)
    np.testing.assert_allclose(value, surface.values(at))
    for j in range(2):
        step = np.zeros(2)
        step[j] = 1e-6
        slope = (surface.values(at + step) - surface.values(at - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, j], slope, atol=1e-5)
    assert surface.beta == 1.44
