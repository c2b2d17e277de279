"""What results say about another search space than the one that they come from."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.wire.space import Categorical, Float, Int, Ordinal, When
from headway_server.domain.errors import InvalidRequest
from headway_server.domain.readings import FAR, Readings
from headway_server.domain.space import SearchSpace
from tests.engine.spaces import spaces


@st.composite
def points(draw, space):
    sample = draw(
        st.lists(
            st.floats(0, 1, exclude_max=True),
            min_size=len(space.parameters),
            max_size=len(space.parameters),
        )
    )
    return space.from_uniform(sample)


@st.composite
def widened(draw, parameter):
    match parameter:
        case Float(log=True) | Int(log=True):
            kind = type(parameter.low)
            return dataclasses.replace(
                parameter,
                low=max(kind(1), parameter.low // 2) if kind is int else parameter.low / 2,
                high=parameter.high * draw(st.integers(1, 3)),
            )
        case Float() | Int():
            step = parameter.step or 1
            down, up = draw(st.integers(0, 5)), draw(st.integers(0, 5))
            return dataclasses.replace(
                parameter, low=parameter.low - down * step, high=parameter.high + up * step
            )
        case Ordinal():
            return dataclasses.replace(parameter, values=(0, *parameter.values, 10**6))
        case Categorical():
            more = draw(st.permutations([*parameter.choices, "new"]))
            return dataclasses.replace(parameter, choices=tuple(more))
        case _:
            return parameter


@given(st.data())
def test_a_wider_space_loses_no_result(data):
    old = data.draw(spaces())
    point = data.draw(points(old))
    new = SearchSpace.checked([data.draw(widened(parameter)) for parameter in old.parameters])
    reading = Readings(new, 2).read(point, 1)
    assert reading.params == pytest.approx(point)
    unit = new.to_unit(reading.params)
    assert len(unit) == new.dimension
    assert all(0 <= u <= 1 for u in unit)


@given(st.data())
def test_any_space_reads_any_point_or_says_why_not(data):
    old, new = data.draw(spaces()), data.draw(spaces())
    point = data.draw(points(old))
    defaults = data.draw(points(new)) if data.draw(st.booleans()) else {}
    reading = Readings(new, 2, {2: defaults}).read(point, 1)
    if reading.params is None:
        assert reading.why
        assert not reading.valid
        return
    unit = new.to_unit(reading.params)
    assert len(unit) == new.dimension
    assert all(-FAR <= u <= 1 + FAR for u in unit)
    for name, value in reading.params.items():
        assert value in (point.get(name, defaults.get(name)), defaults.get(name))
    try:
        checked = new.check(reading.params)
    except InvalidRequest:
        checked = None
    assert reading.valid is (checked is not None)
    assert set(reading.params) == new.active(reading.params)


def space(*parameters, **constraints):
    return SearchSpace.checked(parameters, **constraints)


X = Float(0, 1, name="x")


@pytest.mark.parametrize(
    ("new", "point", "read"),
    [
        ((Float(0, 2, name="x"),), {"x": 0.5}, {"x": 0.5}),
        ((Float(0.6, 1, name="x"),), {"x": 0.5}, {"x": 0.5}),
        ((Int(0, 3, name="x"),), {"x": 0.5}, {"x": 0.5}),
        ((X,), {"x": 0.5, "gone": "a"}, {"x": 0.5}),
        ((X, Float(0, 1, name="new")), {"x": 0.5}, None),
        ((Float(1, 2, log=True, name="x"),), {"x": -0.5}, None),
        ((Float(0, 1, name="x"),), {"x": 20.0}, None),
        ((Categorical(("a", "b"), name="x"),), {"x": "c"}, None),
        ((Categorical((0, "b"), name="x"),), {"x": 0}, {"x": 0}),
        ((Ordinal((1, 2, 3), name="x"),), {"x": 1.5}, None),
        (
            (Categorical(("a", "b"), name="c"), Float(0, 1, name="x", when=When("c", ("b",)))),
            {"c": "a", "x": 0.5},
            {"c": "a"},
        ),
        (
            (Categorical(("a", "b"), name="c"), Float(0, 1, name="x", when=When("c", ("b",)))),
            {"c": "b"},
            None,
        ),
    ],
)
def test_the_rules(new, point, read):
    reading = Readings(space(*new), 2).read(point, 1)
    assert reading.params == read
    assert bool(reading.why) is (read is None)


def test_a_default_counts_for_results_from_before_it_and_the_first_one_stays():
    readings = Readings(space(X, Float(0, 1, name="t")), 4, {2: {"t": 0.25}, 4: {"t": 0.75}})
    assert readings.read({"x": 0.5}, 1).params == {"x": 0.5, "t": 0.25}
    assert readings.read({"x": 0.5}, 2).params == {"x": 0.5, "t": 0.75}
    assert readings.read({"x": 0.5, "t": 0.1}, 3).params == {"x": 0.5, "t": 0.1}
    assert readings.read({"x": 0.5}, 4).params is None


def test_a_broken_constraint_is_no_loss():
    reading = Readings(space(X, Float(0, 1, name="y"), constraints=["x + y <= 1"])).read({"x": 1, "y": 1}, 1)
    assert (reading.params, reading.valid) == ({"x": 1.0, "y": 1.0}, False)
