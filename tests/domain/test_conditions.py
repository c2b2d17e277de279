"""Conditional, stepped and ordinal parameters, and values that a request holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal, When
from headway_server.domain.errors import (
    ConstraintsInfeasible,
    InactiveParameter,
    InvalidSpace,
    MissingParameter,
    OutOfBounds,
    UnknownParameter,
    ValidationFailed,
)
from headway_server.domain.held import Held, check_held
from headway_server.domain.space import SearchSpace
from tests.engine.spaces import conditional, spaces

samples = st.lists(st.floats(0, 1, exclude_max=True), min_size=5, max_size=5)


@given(spaces(), samples)
def test_a_point_has_the_active_parameters_and_no_other(space, sample):
    point = space.from_uniform(sample[: len(space.parameters)])
    assert space.check(point) == point
    for parameter in space.parameters:
        when = parameter.when
        active = when is None or (when.parent in point and point[when.parent] in when.equals)
        assert (parameter.name in point) == active


@given(spaces(), samples)
def test_the_unit_cube_gives_a_discrete_point_back(space, sample):
    point = space.from_uniform(sample[: len(space.parameters)])
    back = space.from_unit(space.to_unit(point))
    assert list(back) == list(point)
    for name, value in point.items():
        if not (isinstance(value, float) and space.by_name[name].step is None):
            assert back[name] == value


def test_a_chain_may_be_declared_in_any_order():
    space = conditional()
    assert space.check({"optimizer": "none"}) == {"optimizer": "none"}
    point = {"damping": 0.5, "optimizer": "sgd", "rate": 0.1, "nesterov": True}
    assert space.check(dict(reversed(point.items()))) == point
    assert space.to_unit({"optimizer": "none"}) == [0.5, 0, 0, 1, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("point", "error", "pointer", "said"),
    [
        (
            {"optimizer": "none", "rate": 0.1},
            InactiveParameter,
            "/params/rate",
            "optimizer is 'adam' or 'sgd'",
        ),
        (
            {"optimizer": "adam", "rate": 0.1, "warmup": 1, "damping": 0.1},
            InactiveParameter,
            "/params/damping",
            "",
        ),
        ({"optimizer": "sgd", "rate": 0.1, "nesterov": True}, MissingParameter, "/params/damping", ""),
        ({"rate": 0.1}, MissingParameter, "/params/optimizer", ""),
    ],
)
def test_a_point_with_a_wrong_set_of_values_is_refused(point, error, pointer, said):
    with pytest.raises(error) as refused:
        conditional().check(point)
    assert refused.value.fields[0].pointer == pointer
    assert said in refused.value.detail


@pytest.mark.parametrize(
    ("parameter", "pointer", "said"),
    [
        (Int(0, 9, name="p", when=When("nobody", (1,))), "/when/parent", "Name one of"),
        (Int(0, 9, name="p", when=When("x", (0.5,))), "/when/parent", "'x', a float"),
        (Int(0, 9, name="p", when=When("p", (1,))), "/when/parent", "Break the cycle"),
        (Int(0, 9, name="p", when=When("b", (True,))), "/when/parent", "Break the cycle"),
        (Int(0, 9, name="p", when=When("c", ())), "/when/equals", "never active"),
        (Int(0, 9, name="p", when=When("c", ("z",))), "/when/equals", "'u', 'v'"),
        (Float(0, 1, name="p", step=0.0), "/step", "above 0"),
        (Float(0, 1, name="p", step=1.5), "/step", "up to high - low"),
        (Float(1, 2, True, 0.5, name="p"), "/step", "Drop log or step"),
        (Float(0, 1, name="p", step=1e-9), "/step", "at most 10000000 steps"),
        (Int(0, 9, name="p", step=-1), "/step", "above 0"),
        (Ordinal((), name="p"), "/values", "0 values"),
        (Ordinal((1, 1.0), name="p"), "/values", "twice"),
        (Ordinal((1, True), name="p"), "/values", "Boolean"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused_by_field(parameter, pointer, said):
    others = [
        Float(0, 1, name="x"),
        Categorical(("u", "v"), name="c"),
        Boolean(name="b", when=When("p", (1,)) if isinstance(parameter, Int) else None),
    ]
    with pytest.raises(InvalidSpace) as refused:
        SearchSpace.checked([parameter, *others])
    field = next(f for f in refused.value.fields if f.pointer.startswith("/space/parameters/0"))
    assert field.pointer == f"/space/parameters/0{pointer}"
    assert said in f"{field.message} {field.hint}"


def test_steps_are_counted_in_decimal():
    space = SearchSpace.checked([Float(0, 1, step=0.1, name="s"), Int(1, 10, step=4, name="n")])
    drawn = {space.from_uniform([(i + 0.5) / 11, 0.5])["s"] for i in range(11)}
    assert drawn == {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0}
    assert [space.from_uniform([0, u])["n"] for u in (0.1, 0.5, 0.9)] == [1, 5, 9]
    assert space.check({"s": 0.1 + 0.2, "n": 5}) == {"s": 0.3, "n": 5}
    for wrong in ({"s": 0.35, "n": 5}, {"s": 0.3, "n": 4}, {"s": 0.3, "n": 10}):
        with pytest.raises(OutOfBounds, match="in steps of"):
            space.check(wrong)


def test_ordinal_levels_are_evenly_spaced():
    space = SearchSpace.checked([Ordinal(("low", "mid", "high"), name="o")])
    assert [space.to_unit({"o": v})[0] for v in ("low", "mid", "high")] == pytest.approx(
        [1 / 6, 1 / 2, 5 / 6]
    )
    assert space.check({"o": "mid"}) == {"o": "mid"}
    with pytest.raises(OutOfBounds, match="'low', 'mid', 'high'"):
        space.check({"o": "middle"})


SPACE = SearchSpace.checked(
    [*conditional().parameters, Float(0, 1, name="x"), Float(0, 1, name="y"), Int(0, 9, name="n")],
    constraints=["x + y <= 1.5", "10 * x + n <= 12"],
)


@pytest.mark.parametrize(
    ("fixed", "context", "error", "said"),
    [
        ({"z": 1}, None, UnknownParameter, "'z'"),
        ({"x": 2}, None, OutOfBounds, "x = 2"),
        (None, {"optimizer": "magic"}, OutOfBounds, "'magic'"),
        ({"x": 0.5}, {"x": 0.5}, ValidationFailed, "both fixed and context"),
        ({"rate": 0.1}, None, InactiveParameter, "optimizer is 'adam' or 'sgd'"),
        ({"optimizer": "none"}, {"rate": 0.1}, InactiveParameter, "'rate' is not active"),
        ({"x": 0.9}, {"y": 0.9}, ConstraintsInfeasible, "x = 0.9, y = 0.9"),
        ({"x": 1.0, "n": 3}, None, ConstraintsInfeasible, r"n <= 12"),
    ],
)
def test_held_values_that_can_not_be_are_refused(fixed, context, error, said):
    with pytest.raises(error, match=said):
        check_held(SPACE, fixed, context)


def test_held_values_come_back_in_their_own_types_and_know_who_agrees():
    held = check_held(SPACE, {"optimizer": "adam", "rate": 1}, {"n": 3.0})
    assert held == Held({"optimizer": "adam", "rate": 1.0}, {"n": 3})
    assert type(held.context["n"]) is int
    assert held.agrees({"optimizer": "adam", "rate": 1.0, "n": 3, "x": 0.1})
    assert not held.agrees({"optimizer": "adam", "rate": 0.5, "n": 3, "x": 0.1})
    assert not held.agrees({"optimizer": "none", "n": 3})
    assert check_held(SPACE, None, None).agrees({})
