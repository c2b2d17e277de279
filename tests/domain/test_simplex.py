"""What a simplex is to the domain: components, their sum, and the faults of a declaration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.wire.space import Categorical, Float, Simplex, Space, When
from headway_server.domain.errors import (
    ConstraintsInfeasible,
    ConstraintViolated,
    InvalidSpace,
    MissingParameter,
)
from headway_server.domain.feasibility import require_feasible
from headway_server.domain.held import check_held
from headway_server.domain.shares import shares
from headway_server.domain.space import SearchSpace

DOUGH = Simplex(("flour", "water", "rye flour"), name="dough")


def faults(*parameters):
    with pytest.raises(InvalidSpace) as raised:
        SearchSpace.checked(parameters)
    return [(fault.pointer, fault.message) for fault in raised.value.fields]


def test_components_are_parameters_in_the_simplexs_place():
    space = SearchSpace.from_wire(
        Space(parameters=(Float(0, 9, name="hours"), DOUGH, Categorical(("a", "b"), name="oven")))
    )
    assert list(space.by_name) == ["hours", "flour", "water", "rye flour", "oven"]
    point = {"hours": 2.0, "flour": 0.5, "water": 0.3, "rye flour": 0.2, "oven": "a"}
    assert space.check(point) == point
    assert space.from_unit(space.to_unit(point)) == point


def test_shares_that_do_not_sum_to_one_are_refused():
    space = SearchSpace.checked([DOUGH])
    with pytest.raises(ConstraintViolated, match=r"flour = 0.5, water = 0.3, rye flour = 0.3") as raised:
        space.check({"flour": 0.5, "water": 0.3, "rye flour": 0.3})
    assert "flour + water + `rye flour` == 1" in raised.value.fields[0].message
    with pytest.raises(MissingParameter, match="'water' is missing"):
        space.check({"flour": 0.5, "rye flour": 0.5})
    space.check({"flour": 0.1, "water": 0.2, "rye flour": 0.7000000005})
    with pytest.raises(ConstraintViolated):
        space.check({"flour": 0.1, "water": 0.2, "rye flour": 0.700000002})


def test_components_can_be_bound_and_held():
    space = SearchSpace.checked([DOUGH], constraints=["water <= 0.4 * flour"])
    assert not space.separate_simplexes
    assert check_held(space, {"flour": 0.6}, None).values == {"flour": 0.6}
    with pytest.raises(ConstraintsInfeasible, match="flour"):
        check_held(space, {"flour": 0.6, "rye flour": 0.5}, None)
    with pytest.raises(ConstraintsInfeasible, match="== 1"):
        require_feasible(SearchSpace.checked([DOUGH], constraints=["flour + water >= 1.5"]))


def test_faults_name_the_component():
    assert faults(Simplex(("a",), name="m")) == [
        ("/space/parameters/0/components", "'m' has the components ['a'].")
    ]
    assert faults(Simplex(("a", "b", "a"), name="m")) == [
        ("/space/parameters/0/components/2", "Two parameters are named 'a'.")
    ]
    assert faults(Float(0, 1, name="a"), Simplex(("a", "b"), name="m")) == [
        ("/space/parameters/1/components/0", "Two parameters are named 'a'.")
    ]
    assert faults(Simplex(("a", "m"), name="m")) == [
        ("/space/parameters/0/components/1", "Two parameters are named 'm'.")
    ]
    assert faults(Simplex(("a", ""), name="m")) == [
        ("/space/parameters/0/components/1", "Component 1 of 'm' is named ''.")
    ]
    assert faults(Simplex((), name="m"))[0][0] == "/space/parameters/0/components"
    assert faults(Simplex(tuple(f"w{i}" for i in range(201)), name="m")) == [
        ("/space/parameters", "The space has 201 parameters.")
    ]


def test_nothing_waits_for_a_share():
    child = Float(0, 1, when=When("flour", (0.5,)), name="c")
    assert faults(DOUGH, child) == [("/space/parameters/1/when/parent", "'c' depends on 'flour', a float.")]


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=8), st.floats(0, 1))
def test_shares_are_a_whole(uniform, whole):
    found = shares(uniform, whole)
    assert min(found) >= 0.0
    assert sum(found) == pytest.approx(whole, abs=1e-14)
    together = shares([np.array([u, 0.5]) for u in uniform], whole)
    assert [one[0] for one in together] == pytest.approx(found, abs=1e-15)
