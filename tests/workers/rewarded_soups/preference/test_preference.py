"""The user, the objective and its checks; the engine's campaign stands in the checks."""

import itertools
import math

import numpy as np
import pytest
import torch

from headway_server.domain.space import SearchSpace
from headway_workers.rewarded_soups.digits.classifier import images, network
from headway_workers.rewarded_soups.interpolation import soup
from headway_workers.rewarded_soups.preference import checks
from headway_workers.rewarded_soups.preference.objective import COMPONENTS, SoupPreference, weights_of
from headway_workers.rewarded_soups.preference.user import GROUPS, User, grid

WEIGHTS = [0.1, 0.2, 0.3, 0.4]
POINT = dict(zip(COMPONENTS, WEIGHTS, strict=True))


@pytest.fixture(scope="module", params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request):
    return request.param


@pytest.fixture(scope="module")
def objective():
    return SoupPreference()


def test_quick_checks_pass(objective):
    found = [checks.corners(objective), *checks.sampling(objective), *checks.quadratic()]
    assert [check for check in found if not check.passed] == []


@pytest.mark.slow
def test_campaigns_come_near_the_best_of_a_grid():
    lacking, random, even, single = checks.campaigns(range(2), 25)
    assert lacking.passed
    assert even.ours > 0.0
    assert single.ours > 0.0
    assert random.tolerance is None


def test_worth_is_the_accuracy_on_what_the_user_brings(device):
    """By hand: the soup's own softmax, group by group, on every other held-out image."""
    user = User(3, device)
    model = network()
    model.load_state_dict({n: t.cpu() for n, t in soup(user.networks, WEIGHTS).items()})
    test = images(held_out=True)
    with torch.no_grad():
        right = torch.softmax(model(test.pixels), 1).numpy()[np.arange(len(test.digits)), test.digits]
    for audit in (False, True):
        part = np.arange(len(right)) % 2 == int(audit)
        groups = ([0, 1, 2], [3, 4], [5, 6, 7], [8, 9])
        accuracy = [right[part & np.isin(test.digits.numpy(), group)].mean() for group in groups]
        assert user.worth(WEIGHTS, audit=audit) == pytest.approx(user.preference @ accuracy, abs=1e-5)


def test_preference_is_hidden_and_of_the_simplex():
    preferences = np.array([User(seed).preference for seed in range(400)])
    np.testing.assert_allclose(preferences.sum(axis=1), 1.0)
    np.testing.assert_allclose(preferences.mean(axis=0), 0.25, atol=0.04)  # of one, the deviation is 0.19
    assert not set(SoupPreference().evaluate(POINT, seed=1).metrics) & {"preference", "mu"}


def test_evaluation_is_deterministic_and_samples_are_drawn_anew_for_each_seed(objective):
    first = objective.evaluate(POINT, seed=4)
    assert objective.evaluate(POINT, seed=4) == first
    assert objective.evaluate(POINT, seed=5).objectives != first.objectives
    assert objective.evaluate(POINT, seed=5).metrics == first.metrics
    assert SoupPreference(1).evaluate(POINT, seed=4).objectives != first.objectives


def test_rungs_are_shares_so_far(objective):
    told = []
    found = objective.evaluate(
        POINT, seed=2, fidelity=300, report=lambda step, share: told.append((step, share))
    )
    assert [step for step, _ in told] == [50, 100, 200, 300]
    assert told[-1][1] == found.objectives["satisfied"]
    assert told[0][1] == objective.evaluate(POINT, seed=2, fidelity=50).objectives["satisfied"]
    assert found.noise["satisfied"] < objective.evaluate(POINT, seed=2, fidelity=50).noise["satisfied"]


def test_deadline_that_has_passed_is_a_timeout(objective):
    assert objective.evaluate(POINT, deadline=-1.0).status == "timeout"


def test_random_points_of_the_space_are_evaluated(objective):
    space = SearchSpace.from_wire(objective.definition().space)
    assert list(space.by_name) == list(COMPONENTS)
    rough = dict(zip(COMPONENTS, [0.25, 0.25, 0.25, 0.2500000004], strict=True))
    assert objective.evaluate(space.check(rough)).status == "ok"
    assert math.fsum(weights_of(rough)) == pytest.approx(1.0, abs=1e-15)


def test_grid_is_every_mixture_of_whole_parts():
    by_hand = {p for p in itertools.product(range(6), repeat=3) if sum(p) == 5}
    assert {tuple(round(5 * w) for w in row) for row in grid(5, 3)} == by_hand
    assert len(grid(10)) == math.comb(13, 3)
    np.testing.assert_allclose(grid(10).sum(axis=1), 1.0)
    assert GROUPS == 4
