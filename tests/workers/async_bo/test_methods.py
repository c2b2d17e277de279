import numpy as np
import pytest
from scipy.optimize import approx_fprime

from headway.wire.model import Hyperparameters
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.strategies.standard import Draw
from headway_workers.async_bo.methods import (
    METHODS,
    Aegis,
    HardPenalties,
    MeanSurface,
    Playbook,
    PointSurface,
    undominated,
)
from headway_workers.async_bo.pure_exploration import PENALTY, ExplorationSurface, UCBPureExploration


@pytest.fixture
def posterior():
    rng = np.random.default_rng(0)
    rows = rng.random((25, 3))
    hyperparameters = Hyperparameters(
        lengthscales=(0.4, 0.5, 0.6), noise=1e-3, outputscale=1.0, mean=0.0, transform="standardize"
    )
    return Posterior.build(hyperparameters, rows, np.sin(3 * rows.sum(axis=1)), np.zeros(25))


def drawn(pending, seed=0):
    return Draw(np.random.default_rng(seed), 0, 1, pending, pending[:0])


def test_hard_penalties_are_the_formula(posterior):
    """Written out for one point in flight, with the L that the class found."""
    centre, at = np.array([[0.3, 0.6, 0.2]]), np.array([[0.5, 0.5, 0.5], [0.31, 0.6, 0.2]])
    penalties = HardPenalties.around(centre, posterior)
    mean, sd = posterior.moments(centre)
    radius = abs(mean[0] - posterior.means_at_data().max()) + sd[0]
    lipschitz = penalties.steepness[0] * radius
    r = lipschitz * np.linalg.norm(at - centre, axis=1) / radius
    np.testing.assert_allclose(np.exp(penalties(at)[0]), (r**-5.0 + 1.0) ** -0.2, rtol=1e-10)


def test_their_slope_is_at_least_that_of_the_mean_nearby(posterior):
    centre = np.array([[0.3, 0.6, 0.2]])
    mean, sd = posterior.moments(centre)
    radius = abs(mean[0] - posterior.means_at_data().max()) + sd[0]
    here = np.linalg.norm(posterior.mean_with_gradient(centre)[1])
    assert HardPenalties.around(centre, posterior).steepness[0] * radius > 0.8 * here


@pytest.mark.parametrize("kind", ["playbook", "mean", "point", "exploration"])
def test_gradients_are_the_derivatives(posterior, kind):
    surface = {
        "playbook": Playbook().surface(posterior, drawn(np.random.default_rng(1).random((4, 3))), None),
        "mean": MeanSurface(posterior),
        "point": PointSurface(np.array([0.2, 0.3, 0.4])),
        "exploration": ExplorationSurface(posterior, posterior.given(np.full((1, 3), 0.4)), 0.3),
    }[kind]
    for x in np.random.default_rng(2).random((5, 3)):
        gradient = surface.values_and_gradients(x[None])[1][0]
        numeric = approx_fprime(x, lambda y: float(surface.values(y[None])[0]), 1e-7)
        np.testing.assert_allclose(gradient, numeric, atol=1e-4, rtol=1e-4)


def test_playbook_keeps_away_from_what_is_in_flight(posterior):
    pending = np.array([[0.3, 0.6, 0.2]])
    surface = Playbook().surface(posterior, drawn(pending), None)
    free = Playbook().surface(posterior, drawn(pending[:0]), None)
    near = pending + 1e-4
    assert surface.values(near)[0] < np.log(np.logaddexp(0.0, free.values(near)[0])) - 3.0


def test_the_pareto_set_against_brute_force():
    rng = np.random.default_rng(3)
    means, sds = rng.random((2, 60)).round(1)
    found = set(undominated(means, sds).tolist())
    pairs = {(means[i], sds[i]) for i in found}
    for i in range(60):
        beaten = any(
            means[j] >= means[i] and sds[j] >= sds[i] and (means[j], sds[j]) != (means[i], sds[i])
            for j in range(60)
        )
        assert ((means[i], sds[i]) in pairs) == (not beaten)
    assert len(pairs) == len(found)


def test_aegis_plays_its_three_parts_with_their_odds(posterior):
    kinds = [
        type(Aegis().surface(posterior, drawn(np.empty((0, 3)), seed), None)).__name__ for seed in range(600)
    ]
    epsilon = 1.0  # 2/√3 is above 1: in three dimensions it is never greedy
    assert kinds.count("MeanSurface") == 0
    assert abs(kinds.count("PathSurface") - 600 * epsilon / 2) < 4 * np.sqrt(150)
    assert kinds.count("PathSurface") + kinds.count("PointSurface") == 600


def test_pure_exploration_seeks_deviation_where_the_optimum_may_be(posterior):
    pending, rows = np.array([[0.2, 0.9, 0.4]]), np.random.default_rng(4).random((400, 3))
    given = posterior.given(pending)
    values = ExplorationSurface(posterior, given, 0.5).values(rows)
    mean, sd = posterior.moments(rows)
    at_data = posterior.moments(posterior.rows)
    short = mean + 2 * 0.5 * sd - (at_data[0] - 0.5 * at_data[1]).max()
    assert (short < 0).any()
    assert (short >= 0).any()
    believing = posterior.moments(rows, given)[1]
    np.testing.assert_allclose(values, believing + PENALTY * np.minimum(short, 0.0), atol=1e-9)


def test_of_q_numbers_in_a_row_one_is_a_confidence_bounds(posterior):
    pending, strategy = np.random.default_rng(5).random((3, 3)), UCBPureExploration()
    given = posterior.given(pending)
    kinds = [
        type(strategy.surface(posterior, Draw(np.random.default_rng(0), 0, k, pending, pending[:0]), given))
        for k in range(1, 9)
    ]
    assert [kind is ExplorationSurface for kind in kinds] == [True, True, True, False] * 2


def test_no_name_is_taken_twice():
    assert len(METHODS) == len({strategy.name for strategy in METHODS.values()})
