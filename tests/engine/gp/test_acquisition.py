import numpy as np
import pytest
import torch
from botorch.acquisition.analytic import LogExpectedImprovement as BoTorchLogEI
from botorch.acquisition.analytic import UpperConfidenceBound as BoTorchUCB

from headway_server.engine.gp.acquisition import LogExpectedImprovement, UpperConfidenceBound, log_h
from headway_server.engine.gp.posterior import Posterior
from tests.engine.reference import single_task_gp


@pytest.mark.parametrize("best", [-1.0, 0.5, 3.0, 50.0])
def test_log_ei_equals_botorch(problem, best):
    hyperparameters, rows, z, variances = problem(40, 3)
    ours = Posterior.build(hyperparameters, rows, z, variances)
    at = np.random.default_rng(5).random((30, 3))
    value, gradient = ours.acquire_with_gradient(at, LogExpectedImprovement(best))
    x = torch.as_tensor(at).unsqueeze(1).requires_grad_()
    reference = BoTorchLogEI(single_task_gp(hyperparameters, rows, z), best_f=best)(x)
    reference.sum().backward()
    np.testing.assert_allclose(value, reference.detach().numpy(), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradient, x.grad.squeeze(1).numpy(), rtol=1e-4, atol=1e-5)


def test_ucb_equals_botorch(problem):
    hyperparameters, rows, z, variances = problem(40, 3)
    ours = Posterior.build(hyperparameters, rows, z, variances)
    at = np.random.default_rng(5).random((30, 3))
    value, gradient = ours.acquire_with_gradient(at, UpperConfidenceBound(1.3))
    x = torch.as_tensor(at).unsqueeze(1).requires_grad_()
    reference = BoTorchUCB(single_task_gp(hyperparameters, rows, z), beta=1.3**2)(x)
    reference.sum().backward()
    np.testing.assert_allclose(value, reference.detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(gradient, x.grad.squeeze(1).numpy(), atol=1e-5)


def test_log_h_over_its_whole_range_seams_included():
    """Against 60 digits."""
    mpmath = pytest.importorskip("mpmath")
    mpmath.mp.dps = 60
    magnitudes = np.concatenate(
        [np.logspace(-3, 7, 60), [1.0, 0.9999999, 1.0000001, 199.99999, 200.0, 200.00001]]
    )
    u = np.sort(np.concatenate([-magnitudes, [0.0], magnitudes[magnitudes < 1e3]]))
    value, ratio, phi_ratio = log_h(u)
    for i, point in enumerate(u):
        x = mpmath.mpf(float(point))
        w = -x
        if x > -1e4:
            mills = mpmath.sqrt(mpmath.pi / 2) * mpmath.exp(x * x / 2) * mpmath.erfc(w / mpmath.sqrt(2))
        else:
            mills = (1 - 1 / w**2 + 3 / w**4 - 15 / w**6 + 105 / w**8 - 945 / w**10) / w
        bracket = 1 + x * mills
        expected = -x * x / 2 - mpmath.log(2 * mpmath.pi) / 2 + mpmath.log(bracket)
        assert value[i] == pytest.approx(float(expected), rel=1e-10, abs=1e-14)
        assert ratio[i] == pytest.approx(float(mills / bracket), rel=1e-9)
        assert phi_ratio[i] == pytest.approx(float(1 / bracket), rel=1e-9)


@pytest.mark.parametrize("acquisition", [UpperConfidenceBound(0.7), LogExpectedImprovement(0.4)])
def test_partial_derivatives_equal_finite_differences(acquisition):
    rng = np.random.default_rng(0)
    mean, sd, e = rng.standard_normal(200) * 3, rng.uniform(0.05, 2, 200), 1e-6
    _, by_mean, by_sd = acquisition(mean, sd)
    np.testing.assert_allclose(
        by_mean, (acquisition(mean + e, sd)[0] - acquisition(mean - e, sd)[0]) / (2 * e), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        by_sd, (acquisition(mean, sd + e)[0] - acquisition(mean, sd - e)[0]) / (2 * e), rtol=1e-4, atol=1e-5
    )
