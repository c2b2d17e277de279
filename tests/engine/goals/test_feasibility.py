import numpy as np
import pytest
from scipy.optimize import check_grad, minimize
from scipy.stats import multivariate_normal, norm

from headway.wire.space import Float
from headway_server.domain.space import SearchSpace
from headway_server.engine import Optimizer
from headway_server.engine.goals.feasibility import Feasibility, LogFeasibility, _milestone
from headway_server.engine.gp.kernel import Kernel
from tests.engine.spaces import box

NUMERIC = np.zeros(2, dtype=bool)


def disc(row):
    """Feasible inside a circle around the centre."""
    return bool(((row - 0.5) ** 2).sum() < 0.3**2)


def taught(n, seed=0):
    feasibility = Feasibility(2, NUMERIC)
    for row in np.random.default_rng(seed).random((n, 2)):
        feasibility.append(row, feasible=disc(row))
    return feasibility


def covariance(kernel, rows, scale):
    r = np.linalg.norm((rows[:, None] - rows[None]) / kernel.lengthscales, axis=2) * np.sqrt(5)
    return scale * (1 + r + r * r / 3) * np.exp(-r)


def test_mode_and_evidence_equal_a_general_optimiser():
    rng = np.random.default_rng(1)
    rows, labels = rng.random((25, 2)), rng.choice([-1.0, 1.0], 25)
    kernel = Kernel(np.array([0.4, 0.7]), NUMERIC)
    fit = LogFeasibility.fit(kernel, 2.0, -0.3, rows, labels)
    k = covariance(kernel, rows, 2.0)
    prior = multivariate_normal(np.full(25, -0.3), k)

    def negative(f):
        return -(norm.logcdf(labels * f).sum() + prior.logpdf(f))

    def slope(f):
        return -labels * np.exp(norm.logpdf(f) - norm.logcdf(labels * f)) + np.linalg.solve(k, f + 0.3)

    mode = minimize(negative, np.zeros(25), jac=slope, method="BFGS", options={"gtol": 1e-9}).x
    np.testing.assert_allclose(-0.3 + k @ fit.slope, mode, atol=1e-4)
    ratio = np.exp(norm.logpdf(mode) - norm.logcdf(labels * mode))
    w = ratio * (ratio + labels * mode)
    _, log_det = np.linalg.slogdet(np.eye(25) + k * w)
    gap = mode + 0.3
    expected = norm.logcdf(labels * mode).sum() - 0.5 * gap @ np.linalg.solve(k, gap) - 0.5 * log_det
    assert fit.evidence == pytest.approx(expected, abs=1e-6)
    at = rng.random((6, 2))
    cross = covariance(kernel, np.vstack([at, rows]), 2.0)[:6, 6:]
    variance = 2.0 - np.diag(cross @ np.linalg.solve(k + np.diag(1 / w), cross.T))
    mean = -0.3 + cross @ np.linalg.solve(k, gap)
    np.testing.assert_allclose(fit.values(at), norm.logcdf(mean / np.sqrt(1 + variance)), atol=1e-5)


def test_gradient_equals_finite_differences():
    surface = taught(40).surface()
    for at in np.random.default_rng(2).random((5, 2)):
        error = check_grad(
            lambda x: surface.values(x[None])[0], lambda x: surface.values_and_gradients(x[None])[1][0], at
        )
        assert error < 1e-5


def test_learns_a_region():
    surface = taught(80).surface()
    at = np.random.default_rng(5).random((400, 2))
    p = np.exp(surface.values(at))
    inside = np.array([disc(row) for row in at])
    assert ((p > 0.5) == inside).mean() > 0.9
    assert p[inside].mean() > 0.7 > 0.25 > p[~inside].mean()


def test_says_nothing_while_everything_was_feasible():
    feasibility = Feasibility(2, NUMERIC)
    feasibility.append(np.array([0.1, 0.2]), feasible=True)
    assert feasibility.surface() is None


def test_is_a_function_of_the_outcomes_whatever_was_asked_between():
    quiet, busy = Feasibility(2, NUMERIC), Feasibility(2, NUMERIC)
    for row in np.random.default_rng(3).random((60, 2)):
        for one in (quiet, busy):
            one.append(row, feasible=disc(row))
        busy.surface()
    at = np.random.default_rng(4).random((10, 2))
    np.testing.assert_array_equal(quiet.surface().values(at), busy.surface().values(at))


def test_milestones_grow_geometrically():
    reached = [_milestone(n) for n in range(1, 200)]
    assert reached == sorted(reached)
    assert all(m <= n < 1.25 * m + 2 for n, m in enumerate(reached, 1))


def campaign(strategy, seed):
    """The best value and the late crashes where the optimum lies on the edge of a feasible disc, outside of
    which nothing can be measured.
    """
    optimizer = Optimizer(box(2), strategy=strategy, seed=seed)
    crashes, best = [], np.inf
    for k in range(1, 46):
        suggestion = optimizer.ask(number=k)
        row = np.array(list(suggestion.params.values()))
        crashes.append(not disc(row))
        if crashes[-1]:
            optimizer.tell_infeasible(suggestion.params)
        else:
            value = float(row.sum())
            best = min(best, value)
            optimizer.tell(suggestion.params, value)
    assert suggestion.receipt.p_feasible is not None
    return best, np.mean(crashes[25:])


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["rucb", "thompson"])
def test_a_campaign_learns_to_avoid_what_crashes(strategy):
    """Over three seeds: of one in ten the edge is met late, however well the models are fitted."""
    best, crashes = np.median([campaign(strategy, seed) for seed in range(3)], axis=0)
    assert best < 1.0 - 0.3 * np.sqrt(2) + 0.05
    assert crashes < 0.3


def test_many_infeasible_and_one_feasible_point_are_enough():
    optimizer = Optimizer(SearchSpace.checked([Float(0, 1, name="x")]), seed=0)
    for x in np.linspace(0.5, 1, 10):
        optimizer.tell_infeasible({"x": float(x)})
    for x in (0.1, 0.2):
        optimizer.tell({"x": x}, x)
    suggestion = optimizer.ask(number=20)
    assert suggestion.params["x"] < 0.5
    assert 0.5 < suggestion.receipt.p_feasible <= 1.0
