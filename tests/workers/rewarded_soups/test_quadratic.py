import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

from headway_workers.rewarded_soups.fronts import hypervolume_ratio
from headway_workers.rewarded_soups.quadratic import QuadraticRewards


def random_rewards(seed, low=0.1, high=5.0):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 6))
    curvatures = rng.uniform(low, high, (2, d))
    return QuadraticRewards(*rng.standard_normal((2, d)), *curvatures)


def test_closed_forms_are_the_rewards_of_the_soups():
    weights = np.linspace(0, 1, 11)
    for seed in range(50):
        case = random_rewards(seed)
        by_hand = np.array([case.rewards(case.soup(w)) for w in weights.tolist()])
        assert np.abs(by_hand - case.soups(weights)).max() < 1e-10


@pytest.mark.parametrize("seed", range(5))
def test_best_soup_and_optimum_are_what_an_optimiser_finds(seed):
    case, mu = random_rewards(seed), np.array([0.3])
    user = np.array([0.7, 0.3])
    found = minimize_scalar(lambda w: -user @ case.soups(np.array([w]))[0], bounds=(0, 1), method="bounded")
    assert case.best_weight(mu)[0] == pytest.approx(found.x, abs=1e-5)
    best = minimize(lambda theta: -user @ case.rewards(theta), np.zeros(len(case.first)), tol=1e-12)
    assert case.rewards(case.optimum(mu)[0]) @ user == pytest.approx(-best.fun, abs=1e-8)
    assert case.gap(mu)[0] == pytest.approx(-best.fun + found.fun, abs=1e-8)


def test_gap_never_exceeds_its_bound_and_reaches_it():
    mu = np.linspace(0.02, 0.98, 25)
    largest = 0.0
    for seed in range(4_000):
        case = random_rewards(seed)
        gap, bound = case.gap(mu), case.gap_bound(mu)
        assert (gap >= -1e-12).all()
        assert (gap <= bound + 1e-10).all()
        largest = max(largest, float((gap / np.maximum(bound, 1e-12)).max()))
    # Tight: with two eigenvalues that take m and M in turn it is an equality.
    extreme = QuadraticRewards(np.zeros(2), np.array([1.0, 2.0]), np.array([0.5, 4.0]), np.array([4.0, 0.5]))
    assert extreme.gap(mu) == pytest.approx(extreme.gap_bound(mu), rel=1e-10)
    assert 0.9 < largest < 1.0 + 1e-6


def test_soup_is_pareto_optimal_where_curvatures_are_proportional_to_the_identity():
    case = QuadraticRewards(np.zeros(3), np.array([1.0, -2.0, 0.5]), np.full(3, 0.7), np.full(3, 2.1))
    mu = np.linspace(0, 1, 21)
    assert np.abs(case.gap(mu)).max() < 1e-14
    # Two grids that share nothing but their ends: each lacks about 1e-6 of the front's volume.
    fine = np.linspace(0, 1, 1_000_001)
    reference = np.array([-case.losses[0], -case.losses[1]])
    front = case.rewards(case.optimum(fine))
    assert hypervolume_ratio(case.soups(fine), front, reference) == pytest.approx(1.0, abs=1e-6)


def test_soup_falls_short_of_the_front_where_curvatures_differ():
    case = QuadraticRewards(np.zeros(2), np.ones(2), np.array([0.5, 4.0]), np.array([4.0, 0.5]))
    grid = np.linspace(0, 1, 2_001)
    reference = np.array([-case.losses[0], -case.losses[1]])
    assert hypervolume_ratio(case.soups(grid), case.rewards(case.optimum(grid)), reference) < 0.95
