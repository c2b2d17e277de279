import math

import pytest

from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal
from headway_server.domain.parameters import (
    coerced,
    from_uniform,
    is_real,
    level_of,
    level_value,
    n_levels,
    range_of,
    to_uniform,
)

LEVELS = [
    (Categorical(("a", 1, True)), ["a", 1, True]),
    (Ordinal(("low", "mid", "high")), ["low", "mid", "high"]),
    (Boolean(), [False, True]),
    (Int(-2, 2), [-2, -1, 0, 1, 2]),
    (Int(1, 10, step=4), [1, 5, 9]),
    (Float(0.1, 0.75, step=0.2), [0.1, 0.3, 0.5, 0.7]),
]


@pytest.mark.parametrize(("parameter", "values"), LEVELS)
def test_levels_are_the_values_in_order(parameter, values):
    assert n_levels(parameter) == len(values)
    assert [level_value(parameter, i) for i in range(len(values))] == values
    assert [level_of(parameter, value) for value in values] == list(range(len(values)))
    assert not is_real(parameter)


@pytest.mark.parametrize(("parameter", "values"), LEVELS)
def test_a_level_owns_an_interval_of_the_unit_line(parameter, values):
    for i, value in enumerate(values):
        assert from_uniform(parameter, (i + 0.5) / len(values)) == value
        assert from_uniform(parameter, to_uniform(parameter, value)) == value


@pytest.mark.parametrize(("parameter", "values"), LEVELS)
def test_its_own_values_are_taken_and_a_stranger_is_not(parameter, values):
    assert [coerced(parameter, value) for value in values] == values
    assert coerced(parameter, "nowhere") is None


def test_a_real_number_has_no_levels():
    real = Float(1e-3, 1.0, log=True)
    assert is_real(real)
    for ask in (n_levels, lambda p: level_value(p, 0), lambda p: level_of(p, 0.5)):
        with pytest.raises(AssertionError, match="no levels"):
            ask(real)
    assert from_uniform(real, 0.5) == pytest.approx(math.sqrt(1e-3))
    assert to_uniform(real, from_uniform(real, 0.3)) == pytest.approx(0.3)


def test_a_step_is_met_but_for_rounding():
    assert coerced(Float(0.0, 1.0, step=0.1), 0.1 + 0.2) == 0.3
    assert coerced(Float(0.0, 1.0, step=0.1), 0.25) is None
    assert coerced(Int(0, 10, step=5), 7) is None
    assert coerced(Int(0, 10), 2.5) is None
    assert coerced(Int(0, 10), True) is None


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (Boolean(), "true or false"),
        (Ordinal(("s", "m")), "one of 's', 'm'"),
        (Int(0, 8, step=2), "a whole number from 0 to 8 in steps of 2"),
        (Float(0.0, 1.0, step=0.25), "a number from 0.0 to 1.0 in steps of 0.25"),
        (Float(0.0, 1.0), "a number from 0.0 to 1.0"),
    ],
)
def test_says_what_may_be_given(parameter, words):
    assert range_of(parameter) == words
