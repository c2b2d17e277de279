import numpy as np
import pytest

from headway_server.engine.gp.paths import Path
from headway_server.engine.gp.posterior import Posterior
from tests.engine.gp.test_posterior import mixed_hyperparameters, mixed_rows


def covariance(posterior, at):
    """Of the latent function, from what conditioning on points says: C = (Σ + noise)⁻¹."""
    given = posterior.given(at)
    return np.linalg.inv(given.precision) - posterior.noise * np.eye(len(at))


@pytest.mark.slow
def test_mean_and_covariance_of_twenty_thousand_paths_equal_the_posterior(problem):
    hyperparameters, rows, z, variances = problem(25, 2, noise=1e-2, heteroscedastic=True)
    rows[20:] = rows[:5]
    posterior = Posterior.build(hyperparameters, rows, z, variances)
    at = np.random.default_rng(8).random((6, 2))
    rng = np.random.default_rng(9)
    draws = np.array([Path(posterior, rng).values(at) for _ in range(20_000)])
    mean, sd = posterior.moments(at)
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * sd / np.sqrt(len(draws))).all()
    expected = covariance(posterior, at)
    np.testing.assert_allclose(np.cov(draws.T), expected, atol=0.05 * expected.diagonal().max())


def test_paths_over_categories_have_the_posteriors_moments():
    rng = np.random.default_rng(3)
    posterior = Posterior.build(
        mixed_hyperparameters(1e-2), mixed_rows(rng, 30), rng.standard_normal(30), np.zeros(30)
    )
    at = mixed_rows(rng, 8)
    draws = np.array([Path(posterior, rng).values(at) for _ in range(4000)])
    mean, sd = posterior.moments(at)
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * sd / np.sqrt(len(draws))).all()
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.06)


def test_gradient_equals_finite_differences(problem):
    posterior = Posterior.build(*problem(30, 3))
    path = Path(posterior, np.random.default_rng(1))
    at, e = np.random.default_rng(2).random((8, 3)), 4e-3  # wide, of fourth order: sines are good to 1e-7
    value, gradient = path.values_and_gradients(at)
    np.testing.assert_allclose(value, path.values(at), atol=1e-6)
    for j in range(3):
        step = e * np.eye(3)[j]
        near, far = (path.values(at + k * step) - path.values(at - k * step) for k in (1, 2))
        np.testing.assert_allclose(gradient[:, j], (8 * near - far) / (12 * e), rtol=1e-4, atol=3e-4)


def test_single_precision_waves_give_the_double_precision_path(problem):
    posterior = Posterior.build(*problem(30, 3))
    path, at = Path(posterior, np.random.default_rng(1)), np.random.default_rng(2).random((50, 3))

    def prior(rows):
        phase = 2 * np.pi * (posterior.kernel.scaled(rows) @ path._per_turn - path._shift)
        return np.cos(phase) @ path._amplitude.astype(float)

    expected = posterior.mean + prior(at) + posterior.weighted(at, path._v)
    np.testing.assert_allclose(path.values(at), expected, atol=2e-6)


def test_noiseless_path_passes_through_the_data(problem):
    hyperparameters, rows, z, variances = problem(15, 2, noise=1e-6)
    path = Path(Posterior.build(hyperparameters, rows, z, variances), np.random.default_rng(0))
    np.testing.assert_allclose(path.values(rows), z, atol=0.02)


def test_the_same_stream_gives_the_same_path(problem):
    posterior = Posterior.build(*problem(15, 2))
    at = np.random.default_rng(2).random((4, 2))
    first, second = (Path(posterior, np.random.default_rng(5)).values(at) for _ in range(2))
    np.testing.assert_array_equal(first, second)
