import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from headway_server.engine.fits.estimation import maximise
from headway_server.engine.fits.hyperparameters import LogPosterior, cold_start
from headway_server.engine.fits.information import SAMPLE, expected_information
from tests.engine.fits.test_hyperparameters import data_of
from tests.engine.gp.test_posterior import mixed_rows


def test_fit_improves_on_its_start_and_reaches_a_stationary_point(problem):
    _, rows, z, _ = problem(80, 3)
    data = data_of(rows, z)
    start = cold_start(3)
    found = maximise(data, start, 200)
    assert found.log_posterior > LogPosterior(data)(start)[0]
    gradient = LogPosterior(data)(found.theta)[1]
    to_be_gained = 0.5 * gradient @ np.linalg.solve(expected_information(data, found.theta), gradient)
    assert to_be_gained < 0.1  # nats, by Newton's step


def test_fit_tells_a_relevant_coordinate_from_an_irrelevant_one():
    rng = np.random.default_rng(0)
    rows = rng.random((60, 2))
    found = maximise(data_of(rows, np.sin(8 * rows[:, 0])), cold_start(2), 100)
    assert found.theta[1] - found.theta[0] > 1.5


def test_hopeless_data_has_no_maximum():
    assert maximise(data_of(np.full((3, 1), 0.5), np.full(3, np.nan)), cold_start(1), 20) is None


@pytest.mark.parametrize("d", [2, 6])
def test_fit_reaches_what_scipy_reaches_from_the_same_start(problem, d):
    _, rows, z, _ = problem(80, d)
    data = data_of(rows, z)
    log_posterior = LogPosterior(data)

    def negated(theta):
        found = log_posterior(theta)
        return -found.value, -found.gradient

    theirs = minimize(negated, cold_start(d), jac=True, method="BFGS", options={"gtol": 1e-4})
    # Half a nat is less than one posterior standard deviation of the hyperparameters.
    assert maximise(data, cold_start(d), 200).log_posterior > -theirs.fun - 0.5


def covariance(theta, rows, variances, parameter_of, categorical):
    """Of noisy values, (n, n), in torch and by differences of coordinates."""
    p = int(parameter_of[-1]) + 1
    ell = theta[:p].exp()[parameter_of]
    squared = (rows[:, None] - rows[None]) ** 2
    numbers, choices = squared[..., ~categorical], squared[..., categorical]
    r = (5.0 * (numbers / ell[~categorical] ** 2).sum(-1) + 1e-300).sqrt()
    k = theta[p + 1].exp() * (1 + r + r**2 / 3) * torch.exp(-r - 0.5 * (choices / ell[categorical]).sum(-1))
    return k + torch.diag(theta[p].exp() + variances)


@pytest.mark.parametrize("n", [40, SAMPLE])
def test_information_is_that_of_the_multivariate_normal(n):
    """½ tr(K⁻¹ ∂_i K K⁻¹ ∂_j K) by autograd, over numbers, categories and known variances."""
    rng = np.random.default_rng(5)
    rows, parameter_of, categorical = mixed_rows(rng, n), np.array([0, 1, 2, 2, 2, 3, 3]), np.arange(7) >= 2
    variances = rng.uniform(0, 0.2, n)
    data = data_of(rows, rng.standard_normal(n), variances, parameter_of, categorical)
    theta = np.array([-1.0, 0.3, -0.4, 0.7, -3.0, 0.2, 0.1])
    inputs = [torch.tensor(given) for given in (rows, variances, parameter_of, categorical)]
    k = covariance(torch.tensor(theta), *inputs)
    by_theta = [
        torch.autograd.functional.jvp(lambda t: covariance(t, *inputs), torch.tensor(theta), unit)[1]
        for unit in torch.eye(7, dtype=torch.float64)
    ]
    solved = torch.linalg.solve(k, torch.stack(by_theta))
    expected = 0.5 * torch.einsum("iab,jba->ij", solved, solved).numpy()
    expected[6, 6] = torch.linalg.inv(k).sum()
    expected += np.diag([1 / 3] * 4 + [1.0, 4.0, 0.0])
    np.testing.assert_allclose(expected_information(data, theta), expected, rtol=1e-8, atol=1e-9)


def test_information_of_many_is_in_proportion_to_that_of_a_sample():
    rng = np.random.default_rng(2)
    few = rng.random((SAMPLE, 3))
    many = np.repeat(few, 4, axis=0)[: 4 * SAMPLE]
    theta = cold_start(3)
    prior = np.diag([1 / 3] * 3 + [1.0, 4.0, 0.0])
    alone = expected_information(data_of(few, np.zeros(len(few))), theta) - prior
    together = expected_information(data_of(many, np.zeros(len(many))), theta) - prior
    np.testing.assert_allclose(together, 4 * alone, rtol=0.3, atol=0.3 * np.abs(alone).max())
