"""The search space: its rules, and its maps to and from the unit cube."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.wire.space import Boolean, Categorical, Float, Int
from headway_server.domain.errors import InvalidSpace, MissingParameter, OutOfBounds, UnknownParameter
from headway_server.domain.space import MAX_CHOICES, MAX_PARAMETERS, SearchSpace

names = st.integers(0, 10**6).map(lambda i: f"p{i}")
finite = st.floats(-1e6, 1e6)


@st.composite
def floats(draw):
    log = draw(st.booleans())
    low = draw(st.floats(1e-6, 1e6) if log else finite)
    return Float(low, low + draw(st.floats(1e-3, 1e6)), log)


@st.composite
def ints(draw):
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -1000, 1000))
    return Int(low, low + draw(st.integers(1, 10_000)), log)


choices = st.lists(
    st.one_of(st.text(max_size=4), st.integers(-5, 5), st.booleans()),
    min_size=1,
    max_size=5,
    unique_by=lambda c: (isinstance(c, bool), c),
).map(tuple)


@st.composite
def spaces(draw):
    parameters = draw(
        st.lists(
            st.one_of(floats(), ints(), choices.map(Categorical), st.just(Boolean())), min_size=1, max_size=6
        )
    )
    return SearchSpace.checked(
        [type(p)(**{**vars(p), "name": f"p{i}", "type": p.type}) for i, p in enumerate(parameters)]
    )


@st.composite
def spaces_with_samples(draw):
    space = draw(spaces())
    n = len(space.parameters)
    return space, draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=n, max_size=n))


@given(spaces_with_samples())
def test_every_sample_is_a_valid_point(drawn):
    space, sample = drawn
    params = space.from_uniform(sample)
    assert space.check(params) == params
    assert list(params) == [parameter.name for parameter in space.parameters]


@given(spaces_with_samples())
def test_the_unit_cube_gives_a_point_back(drawn):
    space, sample = drawn
    params = space.from_uniform(sample)
    unit = space.to_unit(params)
    assert len(unit) == space.dimension
    assert all(0 <= u <= 1 for u in unit)
    back = space.from_unit(unit)
    for parameter in space.parameters:
        if isinstance(parameter, Float):
            width = parameter.high - parameter.low
            assert back[parameter.name] == pytest.approx(params[parameter.name], rel=1e-9, abs=1e-9 * width)
        else:
            assert back[parameter.name] == params[parameter.name]
            assert type(back[parameter.name]) is type(params[parameter.name])


@given(spaces(), st.data())
def test_any_vector_of_the_cube_has_a_nearest_valid_point(space, data):
    unit = data.draw(st.lists(st.floats(0, 1), min_size=space.dimension, max_size=space.dimension))
    params = space.from_unit(unit)
    assert space.check(params) == params


@pytest.mark.parametrize(
    ("parameter", "value", "unit"),
    [
        (Float(0, 10, name="x"), 2.5, 0.25),
        (Float(1e-4, 1, log=True, name="x"), 1e-2, 0.5),
        (Int(0, 3, name="x"), 0, 0.125),
        (Int(1, 1000, log=True, name="x"), 1000, math.log(2000) / math.log(2001)),
        (Boolean(name="x"), True, 1.0),
    ],
)
def test_scales(parameter, value, unit):
    assert SearchSpace.checked([parameter]).to_unit({"x": value}) == [pytest.approx(unit, abs=1e-3)]


def test_each_whole_number_is_equally_likely():
    space = SearchSpace.checked([Int(3, 6, name="k")])
    drawn = [space.from_uniform([(i + 0.5) / 400])["k"] for i in range(400)]
    assert [drawn.count(k) for k in (3, 4, 5, 6)] == [100, 100, 100, 100]


def test_choices_are_one_hot():
    space = SearchSpace.checked([Categorical(("a", "b", "c"), name="k"), Float(0, 1, name="x")])
    assert space.to_unit({"k": "b", "x": 0.25}) == [0, 1, 0, 0.25]
    assert space.from_unit([0.2, 0.1, 0.9, 0.25]) == {"k": "c", "x": 0.25}


def test_true_and_one_are_different_choices_and_one_equals_one_point_zero():
    space = SearchSpace.checked([Categorical((True, 1, "1"), name="k")])
    assert space.to_unit(space.check({"k": True})) == [1, 0, 0]
    assert space.to_unit(space.check({"k": 1.0})) == [0, 1, 0]
    assert space.to_unit(space.check({"k": "1"})) == [0, 0, 1]


@pytest.mark.parametrize(
    ("parameters", "pointer", "said"),
    [
        ([Float(3, 1, name="x")], "/low", "low = 3.0 and high = 1.0"),
        ([Float(1, 1, name="x")], "/low", "Make low smaller"),
        ([Float(0, 1, log=True, name="x")], "/low", "Make low positive"),
        ([Int(-1, 5, log=True, name="x")], "/low", "Make low positive"),
        ([Int(0, 2**60, name="x")], "/high", "2^53"),
        ([Float(0, 1e308, name="x")], "/high", "1e300"),
        ([Categorical((), name="x")], "/choices", "0 choices"),
        ([Categorical(("a", "a"), name="x")], "/choices", "'a' twice"),
        ([Categorical((1, 1.0), name="x")], "/choices", "twice"),
        ([Categorical(tuple(range(MAX_CHOICES + 1)), name="x")], "/choices", "1001 choices"),
        ([Float(0, 1)], "/name", "Give it a name"),
        ([Float(0, 1, name="a/b")], "/name", "other than"),
        ([Float(0, 1, name="a\nb")], "/name", "printable"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused_by_field(parameters, pointer, said):
    with pytest.raises(InvalidSpace) as refused:
        SearchSpace.checked(parameters)
    (field,) = refused.value.fields
    assert field.pointer == f"/space/parameters/0{pointer}"
    assert said in f"{field.message} {field.hint}"


def test_every_fault_is_named_at_once():
    with pytest.raises(InvalidSpace) as refused:
        SearchSpace.checked([Float(3, 1, name="x"), Float(0, 1, name="x"), Categorical((), name="c")])
    assert [field.pointer for field in refused.value.fields] == [
        "/space/parameters/0/low",
        "/space/parameters/1/name",
        "/space/parameters/2/choices",
    ]
    assert "2 more" in refused.value.detail


@pytest.mark.parametrize("count", [0, MAX_PARAMETERS + 1])
def test_a_space_has_some_but_not_too_many_parameters(count):
    with pytest.raises(InvalidSpace, match=f"{count} parameters"):
        SearchSpace.checked([Float(0, 1, name=f"x{i}") for i in range(count)])


SPACE = SearchSpace.checked([Float(0, 1, name="x"), Int(1, 9, name="n"), Boolean(name="b")])


def test_whole_numbers_come_back_in_their_own_type():
    point = SPACE.check({"b": False, "n": 3.0, "x": 1})
    assert point == {"x": 1.0, "n": 3, "b": False}
    assert [type(v) for v in point.values()] == [float, int, bool]


@pytest.mark.parametrize(
    ("params", "error", "pointer"),
    [
        ({"x": 0.5, "n": 1, "b": True, "z": 1}, UnknownParameter, "/params/z"),
        ({"x": 0.5, "n": 1}, MissingParameter, "/params/b"),
        ({"x": 1.5, "n": 1, "b": True}, OutOfBounds, "/params/x"),
        ({"x": math.nan, "n": 1, "b": True}, OutOfBounds, "/params/x"),
        ({"x": "0.5", "n": 1, "b": True}, OutOfBounds, "/params/x"),
        ({"x": True, "n": 1, "b": True}, OutOfBounds, "/params/x"),
        ({"x": 0.5, "n": 1.5, "b": True}, OutOfBounds, "/params/n"),
        ({"x": 0.5, "n": 1, "b": 1}, OutOfBounds, "/params/b"),
    ],
)
def test_a_point_outside_the_space_is_refused_by_field(params, error, pointer):
    with pytest.raises(error) as refused:
        SPACE.check(params)
    (field,) = refused.value.fields
    assert field.pointer == pointer
    assert field.hint
