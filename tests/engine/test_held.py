"""Values that a request holds, and parameters that are not always active."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.wire.space import Categorical, Float, Int
from headway_server.domain.held import Held, check_held
from headway_server.domain.parameters import from_uniform
from headway_server.domain.space import SearchSpace
from headway_server.engine import STRATEGIES, Optimizer
from headway_server.engine.points.encoding import Encoding
from tests.engine.spaces import box, conditional, mixed, spaces

names = sorted(STRATEGIES)
seeds = st.integers(0, 2**32 - 1)


def told(space, strategy, n=10, **settings):
    optimizer = Optimizer(space, strategy=strategy, n_initial=4, **settings)
    for k in range(1, n + 1):
        point = optimizer.ask(number=k, given_out=[]).params
        optimizer.tell(point, sum(float(v) for v in point.values() if not isinstance(v, str)))
    return optimizer


@pytest.mark.parametrize("name", names)
@pytest.mark.parametrize("number", [1, 50], ids=["start", "later"])
def test_every_strategy_holds_values_and_says_so(name, number):
    optimizer = told(mixed(), name)
    held = Held({"rate": 0.3, "kind": "c"}, {"depth": 7})
    asked = [optimizer.ask(number=number + i, held=held) for i in range(3)]
    for suggestion in asked:
        assert {k: suggestion.params[k] for k in held.values} == held.values
        assert optimizer.space.check(suggestion.params) == suggestion.params
        assert (suggestion.receipt.fixed, suggestion.receipt.context) == (held.fixed, held.context)
    assert len({tuple(s.params.values()) for s in asked}) == 3
    plain = optimizer.ask(number=90).receipt
    assert (plain.fixed, plain.context) == (None, None)


def test_the_others_are_optimised_given_what_is_held():
    """Minimise (x1 − x0)²: the best x1 is wherever x0 is held."""
    optimizer = Optimizer(box(2), strategy="ucb")
    for a, b in np.random.default_rng(0).random((40, 2)).tolist():
        optimizer.tell({"x0": a, "x1": b}, (a - b) ** 2)
    for at in (0.1, 0.5, 0.9):
        found = optimizer.ask(number=60, given_out=[], held=Held({"x0": at})).params
        assert found["x0"] == at
        assert found["x1"] == pytest.approx(at, abs=0.1)


@pytest.mark.parametrize("name", names)
def test_constraints_hold_with_held_values(name):
    space = SearchSpace.checked(
        [Float(0, 1, name="x"), Float(0, 1, name="y"), Int(0, 20, name="n"), Int(0, 20, name="m")],
        constraints=["x + y <= 1", "n + m == 20", "10 * x + n <= 15"],
    )
    optimizer = told(space, name)
    for fixed in ({"x": 0.75}, {"n": 12}, {"m": 8, "y": 0.9}):
        held = check_held(space, fixed, None)
        for number in (2, 40, 41):
            point = optimizer.ask(number=number, held=held).params
            assert space.check(point) == point
            assert fixed.items() <= point.items()


def test_what_holds_everything_leaves_one_point():
    space = conditional()
    optimizer = told(space, "rucb")
    held = check_held(space, {"optimizer": "adam", "rate": 0.01, "warmup": 2}, None)
    assert [optimizer.ask(number=k, held=held).params for k in (3, 40)] == [held.values] * 2


def test_a_held_finite_space_is_given_out_whole():
    space = SearchSpace.checked(
        [Int(1, 3, name="i"), Categorical(("a", "b"), name="c"), Float(0, 1, name="x")]
    )
    held = Held({"x": 0.5, "i": 2})
    assert Encoding(space, held.values).size == 2
    optimizer = Optimizer(space)
    assert {optimizer.ask(held=held).params["c"] for _ in range(2)} == {"a", "b"}


@given(spaces(), seeds)
def test_what_is_inactive_carries_no_information(space, seed):
    """Samples that differ only in the numbers of inactive parameters are one row, bit for bit."""
    encoding, rng = Encoding(space), np.random.default_rng(seed)
    samples = rng.random((20, encoding.n_parameters))
    rows = encoding.from_samples(samples)
    other = np.where(encoding.active(rows), samples, rng.random(samples.shape))
    np.testing.assert_array_equal(encoding.from_samples(other), rows)
    inactive = ~encoding.active(rows)[:, encoding.parameter_of]
    noisy = np.where(inactive, rng.random(rows.shape), rows)
    np.testing.assert_array_equal(encoding.snap(noisy), encoding.snap(rows))
    free = encoding.free(rows)
    assert free is None or not free[inactive].any()
    for row in rows[:5]:
        for near in encoding.neighbours(row, 20, rng):
            np.testing.assert_array_equal(encoding.snap(near[None])[0], near)


@given(spaces(max_parameters=4, kinds=("ordinal", "categorical", "boolean")))
def test_everything_lists_each_distinct_point_once(space):
    encoding = Encoding(space)
    found = {tuple(encoding.params(row).items()) for row in encoding.everything()}
    by_hand = {
        tuple(space.without_inactive(dict(zip(space.by_name, values, strict=True))).items())
        for values in np.array(
            np.meshgrid(*[np.arange(6)] * len(space.parameters), indexing="ij"), dtype=object
        )
        .reshape(len(space.parameters), -1)
        .T.tolist()
        for values in [
            [from_uniform(p, (v + 0.5) / 6) for p, v in zip(space.parameters, values, strict=True)]
        ]
    }
    assert len(encoding.everything()) == encoding.size == len(found)
    assert by_hand <= found


@settings(max_examples=10)
@given(st.sampled_from(names), seeds)
def test_a_tree_of_parameters_is_searched(name, seed):
    space = conditional()
    optimizer = Optimizer(space, strategy=name, seed=seed, n_initial=4)
    seen = set()
    for _ in range(12):
        point = optimizer.ask().params
        assert space.check(point) == point
        seen.add(point["optimizer"])
        optimizer.tell(point, len(point) + point.get("rate", 0.5))
    assert len(seen) > 1


def test_a_model_finds_the_best_branch():
    """Value 0 at sgd with nesterov, rate 0.01 and damping 0.3; every other branch is worse."""

    def loss(point):
        if point["optimizer"] == "none":
            return 3.0
        away = np.log10(point["rate"] / 0.01) ** 2
        if point["optimizer"] == "adam":
            return 1.0 + away + 0.1 * point["warmup"]
        return away + ((point["damping"] - 0.3) ** 2 if point["nesterov"] else 0.5)

    optimizer = Optimizer(conditional(), seed=1)
    values = []
    for _ in range(40):
        point = optimizer.ask().params
        values.append(loss(point))
        optimizer.tell(point, values[-1])
    assert min(values) < 0.05
