import math

import gpytorch
import numpy as np
import pytest
import torch
from scipy.optimize import check_grad
from scipy.stats import multivariate_normal

from headway.wire.model import Hyperparameters
from headway_server.engine.fits.hyperparameters import (
    MAX_CONDITION,
    NOISE_PRIOR,
    OUTPUTSCALE_PRIOR,
    Data,
    LogPosterior,
    to_theta,
    to_wire,
)
from headway_server.engine.gp.posterior import Posterior
from tests.engine.gp.test_posterior import mixed_rows
from tests.engine.reference import single_task_gp


def data_of(rows, z, variances=None, parameter_of=None, categorical=None):
    n, d = rows.shape
    return Data(
        rows,
        z,
        np.zeros(n) if variances is None else variances,
        np.arange(d) if parameter_of is None else parameter_of,
        np.zeros(d, dtype=bool) if categorical is None else categorical,
    )


@pytest.mark.parametrize(("n", "d"), [(1, 1), (30, 2), (150, 8)])
def test_log_posterior_and_gradient_equal_gpytorch(problem, n, d):
    hyperparameters, rows, z, _ = problem(n, d, seed=d)
    value, gradient, _ = LogPosterior(data_of(rows, z))(to_theta(hyperparameters, np.arange(d)))
    model = single_task_gp(hyperparameters, rows, z).train()
    mll = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
    reference = mll(model(*model.train_inputs), model.train_targets) * n
    assert value == pytest.approx(reference.item(), abs=1e-6)
    reference.backward()
    ell, scale = model.covar_module.base_kernel.raw_lengthscale, model.covar_module.raw_outputscale

    def by_log(raw):  # through softplus
        return (raw.grad * torch.nn.functional.softplus(raw) / torch.sigmoid(raw)).detach().numpy().ravel()

    noise = model.likelihood.noise_covar.raw_noise
    expected = np.concatenate(
        [
            by_log(ell),
            (noise.grad * noise).detach().numpy(),
            by_log(scale),
            model.mean_module.raw_constant.grad.numpy().ravel(),
        ]
    )
    np.testing.assert_allclose(gradient, expected, atol=1e-5, rtol=1e-6)


def test_gradient_with_shared_lengthscales_and_known_variances(problem):
    _, rows, z, variances = problem(30, 5, heteroscedastic=True)
    log_posterior = LogPosterior(data_of(rows, z, variances, np.array([0, 1, 1, 1, 2])))
    theta = np.array([-1.0, 0.3, -0.4, -4.0, 0.2, 0.1])
    error = check_grad(lambda t: log_posterior(t)[0], lambda t: log_posterior(t)[1], theta)
    assert error < 1e-3


def test_replicates_have_the_likelihood_of_single_observations(problem):
    """Against the model with a row for each: value, and gradient by every hyperparameter."""
    _, base, _, _ = problem(10, 2)
    rng = np.random.default_rng(3)
    rows, z, v = base[rng.integers(10, size=30)], rng.standard_normal(30), rng.uniform(0, 0.2, 30)
    log_posterior = LogPosterior(data_of(rows, z, v))
    theta = np.array([-1.0, 0.3, -3.0, 0.2, 0.1])
    ell, noise, s = np.exp(theta[:2]), math.exp(theta[2]), math.exp(theta[3])
    r = np.linalg.norm((rows[:, None] - rows[None]) / ell, axis=2) * math.sqrt(5)
    k = s * (1 + r + r * r / 3) * np.exp(-r) + np.diag(noise + v)
    expected = multivariate_normal(np.full(30, theta[4]), k).logpdf(z)
    rest = [np.arange(30) != i for i in range(30)]
    others = [
        multivariate_normal(np.full(29, theta[4]), k[np.ix_(some, some)]).logpdf(z[some]) for some in rest
    ]
    assert log_posterior(theta).held_out == pytest.approx(np.sum(expected - np.array(others)), abs=1e-8)
    expected += log_posterior.prior.log_density(theta[:2])[0].sum() + NOISE_PRIOR.log_density(theta[2])[0]
    expected += OUTPUTSCALE_PRIOR.log_density(theta[3])[0]
    assert log_posterior(theta)[0] == pytest.approx(expected, abs=1e-8)
    assert check_grad(lambda t: log_posterior(t)[0], lambda t: log_posterior(t)[1], theta) < 1e-3


def test_gradient_over_categories():
    rng = np.random.default_rng(5)
    rows = mixed_rows(rng, 40)
    data = data_of(rows, rng.standard_normal(40), None, np.array([0, 1, 2, 2, 2, 3, 3]), np.arange(7) >= 2)
    log_posterior = LogPosterior(data)
    theta = np.array([-1.0, 0.3, -0.4, 0.7, -4.0, 0.2, 0.1])
    assert check_grad(lambda t: log_posterior(t)[0], lambda t: log_posterior(t)[1], theta) < 1e-3


def test_wire_form_and_back():
    data = data_of(np.zeros((1, 4)), np.zeros(1), None, np.array([0, 1, 1, 2]))
    theta = np.array([0.1, 0.2, 0.3, -4.0, 0.5, 0.6])
    wire = to_wire(theta, data, "standardize")
    assert isinstance(wire, Hyperparameters)
    assert wire.lengthscales[1] == wire.lengthscales[2]
    np.testing.assert_allclose(to_theta(wire, data.parameter_of), theta)


def test_prior_mode():
    assert math.exp(NOISE_PRIOR.log_mode) == pytest.approx(math.exp(-5.0))
    assert NOISE_PRIOR.log_density(np.array([-5.0]))[1][0] == pytest.approx(0.0)


def test_noise_keeps_the_matrix_invertible_in_double_precision():
    n = 1000
    rng = np.random.default_rng(n)
    rows = rng.random((n + 60, 2))
    rows[n // 2 :] = 0.3 + 1e-3 * rng.standard_normal((n + 60 - n // 2, 2))  # a search that has converged
    z = rng.standard_normal(n + 60)
    theta = np.array([0.0, 0.0, np.log(1e-6), np.log(8.0), 0.0])
    fitted = to_wire(theta, data_of(rows[:n], z[:n]), "standardize")
    assert fitted.noise == pytest.approx(n * 8.0 / MAX_CONDITION)
    assert to_wire(theta, data_of(rows[:50], z[:50]), "standardize").noise == pytest.approx(1e-6)
    none = np.zeros(n + 60)
    posterior = Posterior.build(fitted, rows[:n], z[:n], none[:n])
    for row, value in zip(rows[n:], z[n:], strict=True):
        posterior.append(row, value, 0.0)
    assert posterior.rebuilds <= 4  # with noise 1e-6, 20 of 64 appends at 1,000 rows
    anew = Posterior.build(fitted, rows, z, none)
    whole, expected = (one.moments(rows)[1] ** 2 + fitted.noise for one in (posterior, anew))
    np.testing.assert_allclose(whole, expected, rtol=0.3)  # the variances of what would be told next
