"""Simplexes in the engine: every strategy stays on them, and random points are uniform over them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, kstest

from headway.wire.space import Categorical, Float, Simplex
from headway_server.domain.feasibility import random_point
from headway_server.domain.held import Held
from headway_server.domain.space import SearchSpace
from headway_server.engine import STRATEGIES, Optimizer
from headway_server.engine.points.encoding import Encoding

seeds = st.integers(0, 2**32 - 1)


def simplex(k, constraints=()):
    return SearchSpace.checked(
        [
            Simplex(tuple(f"w{i}" for i in range(k)), name="mix"),
            Float(1e-3, 1.0, log=True, name="rate"),
            Categorical(("a", "b"), name="kind"),
        ],
        constraints=constraints,
    )


def shares_of(points, k=4):
    return np.array([[point[f"w{i}"] for i in range(k)] for point in points])


def assert_dirichlet(drawn, level=1e-3):
    """Each share is Beta(1, k − 1), each sum of two Beta(2, k − 2), and shares over sums are as they must be:
    what Dirichlet(1, …, 1) has.
    """
    k = drawn.shape[1]
    for i in range(k):
        assert kstest(drawn[:, i], beta(1, k - 1).cdf).pvalue > level
        j = (i + 1) % k
        both = drawn[:, i] + drawn[:, j]
        assert kstest(both, beta(2, k - 2).cdf).pvalue > level
        assert kstest(drawn[:, i] / both, beta(1, 1).cdf).pvalue > level


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if name == "qlognei" else [])
        for name in sorted(STRATEGIES)
    ],
)
def test_every_strategy_suggests_shares_that_sum_to_one(name):
    space = simplex(4)
    optimizer = Optimizer(space, strategy=name, seed=3, n_initial=4)
    wanted = np.array([0.6, 0.3, 0.1, 0.0])
    for _ in range(12):
        point = optimizer.ask().params
        drawn = shares_of([point])[0]
        assert abs(drawn.sum() - 1.0) < 1e-9
        assert drawn.min() >= 0.0
        assert space.check(point) == point
        optimizer.tell(point, float(((drawn - wanted) ** 2).sum()))


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 8), st.lists(st.floats(0, 1), max_size=3), st.sampled_from(["random", "rucb"]), seeds)
def test_shares_sum_to_one_with_some_of_them_held(k, held, name, seed):
    held = {f"w{i}": value / len(held) for i, value in enumerate(held[: k - 1])}
    optimizer = Optimizer(simplex(k), strategy=name, seed=seed, n_initial=2)
    for _ in range(4):
        point = optimizer.ask(held=Held(held)).params
        assert {name: point[name] for name in held} == held
        assert abs(shares_of([point], k).sum() - 1.0) < 1e-9
        optimizer.tell(point, point["w0"] * point["rate"])


def test_random_rows_are_uniform_over_the_simplex():
    encoding = Encoding(simplex(4))
    rows = encoding.random(5_000, np.random.default_rng(0))
    drawn = rows[:, :4]
    assert np.abs(drawn.sum(axis=1) - 1.0).max() < 1e-14
    assert_dirichlet(drawn)


def test_random_points_without_an_engine_are_uniform_over_the_simplex():
    draw = np.random.default_rng(1).random
    assert_dirichlet(shares_of([random_point(simplex(4), draw) for _ in range(4_000)]))


def test_what_is_left_beside_held_shares_is_uniform():
    held = {"w1": 0.4}
    encoding = Encoding(simplex(4), held)
    drawn = encoding.random(4_000, np.random.default_rng(2))[:, :4]
    assert (drawn[:, 1] == 0.4).all()
    assert_dirichlet(drawn[:, [0, 2, 3]] / 0.6)
    draw = np.random.default_rng(3).random
    found = shares_of([random_point(simplex(4), draw, held) for _ in range(3_000)])
    assert_dirichlet(found[:, [0, 2, 3]] / 0.6)


def test_shares_under_a_further_constraint_are_uniform_over_what_it_leaves():
    space = simplex(3, ["w0 + 0 * rate <= 0.5"])
    drawn = shares_of([Encoding(space).params(r) for r in Encoding(space).random(4_000, rng(4))], 3)
    # P(w0 ≤ x) = (1 − (1 − x)²) / (1 − (1 − ½)²).
    assert kstest(drawn[:, 0], lambda x: (1 - (1 - np.clip(x, 0, 0.5)) ** 2) / 0.75).pvalue > 1e-3
    assert kstest(drawn[:, 1] / (1 - drawn[:, 0]), beta(1, 1).cdf).pvalue > 1e-3


def test_other_constraints_leave_a_simplex_uniform():
    space = SearchSpace.checked(
        [Simplex(("a", "b", "c"), name="mix"), Float(0, 1, name="x"), Float(0, 1, name="y")],
        constraints=["x + y <= 0.2"],
    )
    rows = Encoding(space).random(4_000, rng(5))
    assert_dirichlet(rows[:, :3])
    assert (rows[:, 3] + rows[:, 4]).max() <= 0.2 + 1e-9
    assert kstest(rows[:, 3] + rows[:, 4], lambda s: (np.clip(s, 0, 0.2) / 0.2) ** 2).pvalue > 1e-3


def test_sobol_points_stay_spread_on_the_simplex():
    """64 Sobol points leave no eighth of a triangle with fewer than four or more than twelve."""
    optimizer = Optimizer(
        SearchSpace.checked([Simplex(("a", "b", "c"), name="mix")]), strategy="sobol", seed=1
    )
    drawn = [optimizer.ask().params for _ in range(64)]
    first = np.array([point["a"] for point in drawn])
    rest = np.array([point["b"] / (1 - point["a"]) for point in drawn])
    strips = np.floor((1 - (1 - first) ** 2) * 4).astype(int) * 2 + (rest >= 0.5)
    assert np.bincount(strips, minlength=8).tolist() == [8] * 8


def rng(seed):
    return np.random.default_rng(seed)
