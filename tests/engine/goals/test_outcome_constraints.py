"""Feasibility and weighed acquisitions, against scipy, finite differences and BoTorch."""

import numpy as np
import pytest
import torch
from botorch.acquisition.analytic import LogConstrainedExpectedImprovement
from botorch.models.model_list_gp_regression import ModelListGP
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from headway_server.engine.goals.outcome_constraints import (
    LogProbability,
    LogProbabilityWithin,
    WeighedSurface,
)
from headway_server.engine.gp.acquisition import LogExpectedImprovement, UpperConfidenceBound
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.search.surfaces import AcquisitionSurface
from tests.engine.reference import single_task_gp

AT = np.random.default_rng(5).random((7, 3))


def within(low, high, mean, sd):
    value, by_mean, by_sd = LogProbabilityWithin(low, high)(np.array([mean]), np.array([sd]))
    return float(value[0]), float(by_mean[0]), float(by_sd[0])


@given(
    st.floats(-4, 4),
    st.floats(0.05, 5),
    st.sampled_from([(-np.inf, 0.5), (-0.3, np.inf), (-0.3, 0.5), (2.0, 2.5)]),
)
def test_probability_is_scipys(mean, sd, ends):
    low, high = ends
    a, b = (low - mean) / sd, (high - mean) / sd
    expected = norm.cdf(b) - norm.cdf(a) if a + b < 0 else norm.sf(a) - norm.sf(b)
    value, _, _ = within(low, high, mean, sd)
    if expected > 1e-12:
        assert np.exp(value) == pytest.approx(expected, rel=1e-6)
    assert np.isfinite(value)


@given(st.floats(-30, 30), st.floats(0.1, 3), st.sampled_from([(-np.inf, 0.5), (-0.3, np.inf), (-0.3, 0.5)]))
def test_its_derivatives_are_finite_differences(mean, sd, ends):
    step = 1e-6
    _, by_mean, by_sd = within(*ends, mean, sd)
    for derivative, (low, high) in (
        (by_mean, ((mean - step, sd), (mean + step, sd))),
        (by_sd, ((mean, sd - step), (mean, sd + step))),
    ):
        expected = (within(*ends, *high)[0] - within(*ends, *low)[0]) / (2 * step)
        assert derivative == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_far_tails_stay_finite_and_ordered():
    values = [within(0.0, np.inf, mean, 0.1)[0] for mean in (-1000.0, -100.0, -10.0, 0.0, 10.0)]
    assert np.isfinite(values).all()
    assert values == sorted(values)
    assert all(np.isfinite(within(0.0, 1.0, mean, 1e-3)).all() for mean in (-900.0, 0.5, 900.0))


@pytest.fixture
def two(problem):
    """An objective's and a metric's posterior over the same rows, and what they were built from."""
    hyperparameters, rows, z, variances = problem(25, 3)
    other, _, _, _ = problem(25, 3, seed=1)
    c = np.cos(2 * rows.sum(axis=1))
    return (
        Posterior.build(hyperparameters, rows, z, variances),
        Posterior.build(other, rows, c, variances),
        ModelListGP(single_task_gp(hyperparameters, rows, z), single_task_gp(other, rows, c)),
    )


@pytest.mark.parametrize("ends", [(-np.inf, 0.2), (-0.4, np.inf), (-0.4, 0.2)])
def test_constrained_log_ei_is_botorchs(two, ends):
    objective, metric, models = two
    ours = WeighedSurface(
        AcquisitionSurface(objective, LogExpectedImprovement(0.4)),
        LogProbability([AcquisitionSurface(metric, LogProbabilityWithin(*ends))]),
        floor=0.0,
    )
    bounds = tuple(None if np.isinf(end) else end for end in ends)
    reference = LogConstrainedExpectedImprovement(
        models, best_f=0.4, objective_index=0, constraints={1: bounds}
    )
    x = torch.tensor(AT, requires_grad=True)
    expected = reference(x.unsqueeze(1))
    (slope,) = torch.autograd.grad(expected.sum(), x)
    value, gradient = ours.values_and_gradients(AT)
    np.testing.assert_allclose(value, expected.detach().numpy(), atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope.numpy(), atol=1e-4, rtol=1e-4)
    np.testing.assert_array_equal(ours.values(AT), value)


def test_a_bound_is_weighed_above_the_floor_and_left_below_it(two):
    objective, metric, _ = two
    plain = AcquisitionSurface(objective, UpperConfidenceBound(1.0), beta=1.0)
    log_p = LogProbability([AcquisitionSurface(metric, LogProbabilityWithin(-np.inf, 0.2))])
    for floor in (-10.0, float(np.median(plain.values(AT))), 10.0):
        weighed = WeighedSurface(plain, log_p, floor)
        above, p = plain.values(AT) - floor, np.exp(log_p.values(AT))
        np.testing.assert_allclose(weighed.values(AT), np.where(above > 0, above * p, above))
        value, gradient = weighed.values_and_gradients(AT)
        np.testing.assert_allclose(value, weighed.values(AT))
        for j in range(3):
            step = np.zeros(3)
            step[j] = 1e-6
            slope = (weighed.values(AT + step) - weighed.values(AT - step)) / 2e-6
            np.testing.assert_allclose(gradient[:, j], slope, atol=1e-5)
    assert weighed.beta == 1.0
