"""Feasibility by integer programming, against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.wire.space import Float, Int
from headway_server.domain.errors import ConstraintsInfeasible
from headway_server.domain.feasibility import _Program, nearest, require_feasible
from headway_server.domain.space import SearchSpace
from tests.engine.spaces import constrained_spaces

factors = st.integers(-4, 4)


@st.composite
def small_problems(draw):
    """Up to three whole numbers and up to three constraints; often infeasible."""
    parameters = [
        Int(low, low + draw(st.integers(1, 4)), name=f"i{k}", step=draw(st.sampled_from([None, 1])))
        for k, low in enumerate(draw(st.lists(st.integers(-3, 3), min_size=1, max_size=3)))
    ]
    texts = []
    for _ in range(draw(st.integers(1, 3))):
        drawn = draw(st.lists(factors, min_size=len(parameters), max_size=len(parameters)).filter(any))
        left = " + ".join(f"{f} * {p.name}" for f, p in zip(drawn, parameters, strict=True))
        texts.append(f"{left} {draw(st.sampled_from(['<=', '>=', '==']))} {draw(st.integers(-9, 9))}")
    return parameters, texts


def brute_force(parameters, texts):
    ranges = [range(p.low, p.high + 1) for p in parameters]
    for values in itertools.product(*ranges):
        point = {p.name: v for p, v in zip(parameters, values, strict=True)}
        if all(eval(text, {}, dict(point)) for text in texts):
            yield point


@settings(max_examples=80)
@given(small_problems(), st.data())
def test_decides_as_brute_force_does_and_finds_the_nearest(problem, data):
    parameters, texts = problem
    space = SearchSpace.checked(parameters, constraints=texts)
    named = {name for one in space.constraints for name in one.coefficients}
    target = {p.name: data.draw(st.integers(p.low, p.high)) for p in parameters if p.name in named}

    def distance(point):
        return sum(
            abs(point[p.name] - target[p.name]) / (p.high - p.low) for p in parameters if p.name in named
        )

    points = list(brute_force(parameters, texts))
    found = nearest(space, target)
    if not points:
        assert found is None
        with pytest.raises(ConstraintsInfeasible):
            require_feasible(space)
    else:
        require_feasible(space)
        assert set(found) == named
        assert any(found.items() <= point.items() for point in points)
        assert distance(found) == pytest.approx(min(map(distance, points)), abs=1e-9)


@settings(max_examples=60)
@given(constrained_spaces(), st.lists(st.floats(0, 1, exclude_max=True), min_size=7, max_size=7))
def test_what_is_found_satisfies_the_constraints_in_plain_floats(space, sample):
    target = space.from_uniform(sample[: len(space.parameters)])
    named = {name for one in space.constraints for name in one.coefficients}
    found = nearest(space, {name: target[name] for name in named})
    assert space.check(target | found)


def test_names_those_constraints_that_contradict_each_other():
    space = SearchSpace.checked(
        [Float(0, 1, name="x"), Float(0, 1, name="y"), Int(0, 9, name="n")],
        constraints=["x <= 0.5", "n <= 4", "y <= 0.25", "x + y >= 1"],
    )
    with pytest.raises(ConstraintsInfeasible) as refused:
        require_feasible(space)
    assert "'x <= 0.5' and 'y <= 0.25' and 'x + y >= 1'." in refused.value.detail
    assert "n <=" not in refused.value.detail


def test_an_equality_that_whole_numbers_can_not_meet_is_infeasible():
    parameters = [Int(0, 100, name="i"), Int(0, 100, name="j")]
    with pytest.raises(ConstraintsInfeasible):
        require_feasible(SearchSpace.checked(parameters, constraints=["2 * i + 4 * j == 7"]))
    require_feasible(SearchSpace.checked(parameters, constraints=["2 * i + 3 * j == 7"]))


def test_what_a_solver_misses_is_corrected_onto_the_constraints():
    """x + y = 1 and x - z <= 0 within the box, from a point that breaks both."""
    program = _Program(
        np.array([[1.0, 1.0, 0.0], [1.0, 0.0, -1.0]]),
        np.array([1.0, -np.inf]),
        np.array([1.0, 0.0]),
        np.zeros(3),
        np.ones(3),
    )
    missed = np.array([0.6, 0.4001, 0.2])
    corrected = program.corrected(missed)
    assert corrected[:2].sum() == pytest.approx(1.0, abs=1e-12)
    assert corrected[0] - corrected[2] <= 1e-12
    assert ((corrected >= 0) & (corrected <= 1)).all()
    np.testing.assert_array_equal(program.corrected(corrected), corrected)
    held = _Program(
        program.matrix, program.lower, program.upper, np.array([0.3, 0, 0]), np.array([0.3, 1, 1])
    )
    assert held.corrected(np.array([0.3, 0.9, 0.5]))[:2] == pytest.approx([0.3, 0.7])
