"""Expressions become linear constraints; what is no linear constraint is refused with the remedy."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal, When
from headway_server.domain.errors import ConstraintViolated, InvalidSpace
from headway_server.domain.space import SearchSpace

PARAMETERS = (
    Float(-2, 2, name="x"),
    Float(1e-3, 10, log=True, name="y"),
    Int(0, 9, name="n"),
    Float(0, 1, step=0.1, name="s"),
    Float(0, 1, name="learning rate"),
    Categorical(("a", "b"), name="kind"),
    Boolean(name="flag"),
    Ordinal((1, 2, 3), name="size"),
    Float(0, 1, when=When("kind", ("a",)), name="only_a"),
)


def constraints(*texts):
    return SearchSpace.checked(PARAMETERS, constraints=texts).constraints


numbers = st.integers(-9, 9).map(str) | st.floats(-9, 9).map(repr)
scaled = st.tuples(numbers, st.sampled_from("xyns")).map(lambda t: f"({t[0]}) * {t[1]}")
divided = st.tuples(st.sampled_from("xyns"), st.integers(1, 9)).map(lambda t: f"{t[0]} / {t[1]}")
terms = st.recursive(
    st.one_of(numbers, st.sampled_from("xyns"), scaled, divided),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"-({t})"),
        st.tuples(inner, numbers).map(lambda t: f"{t[0]} * {t[1]}" if "(" in t[0] else f"({t[0]}) * {t[1]}"),
    ),
    max_leaves=6,
)


@given(terms, st.sampled_from(["<=", ">=", "=="]), terms, st.data())
def test_a_constraint_means_what_python_says(left, operator, right, data):
    point = {
        "x": data.draw(st.floats(-2, 2)),
        "y": data.draw(st.floats(1e-3, 10)),
        "n": data.draw(st.integers(0, 9)),
        "s": data.draw(st.integers(0, 10)) / 10,
    }
    try:
        (read,) = constraints(f"{left} {operator} {right}")
    except InvalidSpace as refused:
        assert any(said in refused.detail for said in ("at least one parameter", "add up to"))  # noqa: PT017
        return
    difference = eval(f"({left}) - ({right})", {}, dict(point))
    value = sum(factor * point[name] for name, factor in read.coefficients.items())
    bound = read.upper if math.isfinite(read.upper) else read.lower
    assert value - bound == pytest.approx(difference, rel=1e-9, abs=1e-9 * read.scale)
    if abs(difference) > 1e-6 * read.scale:
        assert read.holds(point) == eval(f"({left}) {operator} ({right})", {}, dict(point))


def test_a_chain_is_several_constraints():
    first, second = constraints("1 <= x + y <= 3")
    assert (first.lower, first.upper) == (-math.inf, -1.0)
    assert (second.lower, second.upper) == (-math.inf, 3.0)


def test_names_that_are_no_identifiers_stand_in_backquotes():
    (read,) = constraints("2 * `learning rate` <= `x` + 1")
    assert read.coefficients == {"learning rate": 2.0, "x": -1.0}


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "no expression"),
        ("x +", "no expression"),
        ("learning rate <= 1", "backquotes"),
        ("x", "Compare two sides"),
        ("x < 1", "Write <= or >="),
        ("x != 1", "Compare with <=, >= or =="),
        ("x * y <= 1", "must be linear"),
        ("x ** 2 <= 1", "must be linear"),
        ("1 / x <= 1", "must be linear"),
        ("x / 0 <= 1", "other than 0"),
        ("abs(x) <= 1", "numbers, parameters"),
        ("x.real <= 1", "numbers, parameters"),
        ("__import__('os') <= 1", "numbers, parameters"),
        ("x <= 'a'", "numbers, parameters"),
        ("x <= True", "no real number"),
        ("x <= 1j", "no real number"),
        ("z <= 1", "no parameter 'z'; the space has x, y"),
        ("`z` <= 1", "no parameter 'z'"),
        ("kind <= 1", "'kind' is categorical"),
        ("flag <= 1", "'flag' is boolean"),
        ("size <= 1", "'size' is ordinal"),
        ("only_a <= 1", "not always active"),
        ("x - x <= 1", "at least one parameter"),
        ("1 <= 2", "at least one parameter"),
        ("x <= 1e999", "add up to inf"),
        ("x <= " + "9" * 400, "can't be read"),
        ("x <= " + "(" * 400, "no expression"),
        ("x <= " + "1" * 2000, "at most 1000 characters"),
    ],
)
def test_what_is_no_linear_constraint_is_refused_with_the_remedy(text, remedy):
    with pytest.raises(InvalidSpace) as refused:
        constraints("x <= 1", text)
    (field,) = refused.value.fields
    assert field.pointer == "/space/constraints/1"
    assert remedy in field.hint


def test_too_many_constraints_are_refused():
    with pytest.raises(InvalidSpace, match="101 constraints"):
        constraints(*["x <= 1"] * 101)


def test_whole_numbers_with_more_values_than_can_be_decided_are_refused():
    with pytest.raises(InvalidSpace, match="make it a float"):
        SearchSpace.checked([Int(0, 2**40, name="n")], constraints=["n <= 3"])


def test_a_point_that_breaks_a_constraint_is_refused_by_name():
    space = SearchSpace.checked(PARAMETERS[:4], constraints=["x + n <= 3", "n + 10 * s == 5"])
    assert space.check({"x": 1.0, "y": 1.0, "n": 2, "s": 0.3})
    with pytest.raises(ConstraintViolated, match=r"'x \+ n <= 3': x = 2.0, n = 2"):
        space.check({"x": 2.0, "y": 1.0, "n": 2, "s": 0.3})
    with pytest.raises(ConstraintViolated, match=r"n = 2, s = 0\.4"):
        space.check({"x": 1.0, "y": 1.0, "n": 2, "s": 0.4})


@settings(max_examples=30)
@given(st.floats(1e-6, 1e6), st.floats(-3, 3))
def test_rounding_is_tolerated_and_no_more(size, miss):
    space = SearchSpace.checked([Float(0, size, name="x")], constraints=[f"x <= {size / 2!r}"])
    (read,) = space.constraints
    assert read.scale == pytest.approx(size)
    assert read.holds({"x": size / 2 + miss * 1e-9 * read.scale}) == (miss <= 1 or miss == pytest.approx(1))
