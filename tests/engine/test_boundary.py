"""What goes through BoTorch: equal models, gradients that are slopes, equal bits for equal seeds."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from headway_server.engine.boundary import Bounded, gaussian_process, noisy_log_ehvi, noisy_log_ei
from headway_server.engine.gp.posterior import Posterior
from tests.engine.reference import moments

AT = np.random.default_rng(8).random((5, 2))
NONE = np.empty((0, 2))


@pytest.fixture
def posteriors(problem):
    """Three posteriors over the same rows."""
    made = []
    for k, f in enumerate((np.sin, np.cos, np.tanh)):
        hyperparameters, rows, _, variances = problem(18, 2, seed=k, noise=1e-2)
        rows = problem(18, 2)[1]
        made.append(Posterior.build(hyperparameters, rows, f(3 * rows @ [1.0, 0.4 + k]), variances))
    return made, rows


@pytest.mark.parametrize("noise", [1e-6, 1e-2])
def test_the_model_is_the_exact_posterior(problem, noise):
    posterior = Posterior.build(*problem(40, 4, noise=noise, heteroscedastic=True))
    at = np.random.default_rng(1).random((30, 4))
    mean, sd = posterior.moments(at)
    expected_mean, expected_sd = moments(gaussian_process(posterior), at)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-6)
    np.testing.assert_allclose(sd, expected_sd, atol=1e-6)


def test_categories_and_replicates_are_in_the_model_too(problem):
    hyperparameters, rows, z, variances = problem(30, 5, heteroscedastic=True)
    hyperparameters = hyperparameters.model_copy(update={"categorical": (1, 2, 3)})
    rows[:, 1:4] = np.eye(3)[np.arange(30) % 3]
    rows[20:] = rows[:10]  # measured twice
    posterior = Posterior.build(hyperparameters, rows, z, variances)
    at = np.random.default_rng(1).random((30, 5))
    at[:, 1:4] = np.eye(3)[np.arange(30) % 3]
    mean, sd = posterior.moments(at)
    expected_mean, expected_sd = moments(gaussian_process(posterior), at)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-6)
    np.testing.assert_allclose(sd, expected_sd, atol=1e-6)


def surfaces(posteriors, rows, pending=NONE, seed=3):
    a, b, c = posteriors
    return {
        "ei": noisy_log_ei([Bounded(a)], rows, pending, seed),
        "constrained ei": noisy_log_ei([Bounded(a), Bounded(c, -0.2, 0.9)], rows, pending, seed),
        "ehvi": noisy_log_ehvi([Bounded(a), Bounded(b)], 2, rows, pending, seed),
        "constrained ehvi": noisy_log_ehvi(
            [Bounded(a, low=-0.5), Bounded(b), Bounded(c, -0.2, 0.9)], 2, rows, pending, seed
        ),
    }


@pytest.mark.parametrize("kind", ["ei", "constrained ei", "ehvi", "constrained ehvi"])
class TestSurfaces:
    def test_gradients_are_finite_differences(self, posteriors, kind):
        surface = surfaces(*posteriors)[kind]
        value, gradient = surface.values_and_gradients(AT)
        np.testing.assert_allclose(value, surface.values(AT), rtol=1e-9)
        for j in range(2):
            step = np.zeros(2)
            step[j] = 1e-7  # the samples' improvements have kinks, which a wider step would straddle
            slope = (surface.values(AT + step) - surface.values(AT - step)) / 2e-7
            np.testing.assert_allclose(gradient[:, j], slope, rtol=2e-3, atol=2e-3)

    def test_equal_seeds_give_equal_bits_and_leave_torchs_generator_alone(self, posteriors, kind):
        torch.manual_seed(1)
        before = torch.random.get_rng_state()
        first = surfaces(*posteriors)[kind].values(AT)
        assert torch.equal(torch.random.get_rng_state(), before)
        torch.manual_seed(2)
        np.testing.assert_array_equal(surfaces(*posteriors)[kind].values(AT), first)
        assert not np.array_equal(surfaces(*posteriors, seed=4)[kind].values(AT), first)

    def test_a_point_in_flight_leaves_little_to_gain_beside_it(self, posteriors, kind):
        best = surfaces(*posteriors)[kind].values(AT).argmax()
        pending = AT[[best, best]]
        assert surfaces(*posteriors, pending=pending)[kind].values(AT).argmax() != best


def test_the_engine_starts_without_torch():
    code = (
        "import sys, headway_server.services.engine_host, headway_server.main; "
        "from headway_server.engine import Optimizer; "
        "assert not {'torch', 'botorch', 'gpytorch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
