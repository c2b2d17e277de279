"""What a study is after: which goals make sense, and what they make of results."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.wire.space import Categorical, Float, Int
from headway.wire.study import Fidelity, FidelityCost, Objective
from headway_server.domain.errors import InvalidFidelity, InvalidOutcomeConstraint, UnsupportedObjectives
from headway_server.domain.goals import FidelityGoal, Goals, OutcomeConstraint
from headway_server.domain.space import SearchSpace

SPACE = SearchSpace.checked(
    [
        Float(0, 1, name="x"),
        Int(1, 30, name="epochs"),
        Float(-2, 8, name="level"),
        Categorical(("a", "b"), name="kind"),
    ]
)
LOSS = Objective(name="loss")
GAIN = Objective(name="gain", goal="maximize")


@pytest.mark.parametrize(
    ("text", "metric", "relation", "bound"),
    [
        ("latency <= 50", "latency", "<=", 50.0),
        ("  top-1 accuracy>=-.9 ", "top-1 accuracy", ">=", -0.9),
        ("x <= 1e3", "x", "<=", 1000.0),
    ],
)
def test_a_constraint_is_one_metric_one_relation_and_one_number(text, metric, relation, bound):
    assert OutcomeConstraint.parse(text, "/p") == OutcomeConstraint(metric, relation, bound)


@pytest.mark.parametrize(
    "text", ["", "x", "x < 3", "<= 3", "x <=", "x <= 3 <= 4", "x <= y", "x <= nan", "x <= inf", "x >= 1e301"]
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(InvalidOutcomeConstraint) as refused:
        Goals.of(SPACE, [LOSS], ["latency <= 50", text])
    assert refused.value.fields[0].pointer == "/outcome_constraints/1"
    assert repr(text) in refused.value.detail


@given(st.text(max_size=40))
def test_no_text_is_a_bug(text):
    try:
        parsed = OutcomeConstraint.parse(text, "/p")
    except InvalidOutcomeConstraint:
        return
    assert parsed.metric == parsed.metric.strip() != ""
    assert math.isfinite(parsed.bound)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["m <= 3", "m <= 2"], "two bounds with <="),
        (["m <= 3", "m >= 4"], "at least 4 and at most 3"),
        (["m >= 4", "k >= 1", "m <= 3"], "at least 4 and at most 3"),
    ],
)
def test_constraints_that_repeat_or_contradict_each_other_are_refused(texts, said):
    with pytest.raises(InvalidOutcomeConstraint, match=said) as refused:
        Goals.of(SPACE, [LOSS], texts)
    assert refused.value.fields[0].pointer == f"/outcome_constraints/{len(texts) - 1}"


def test_objectives_have_different_names():
    with pytest.raises(UnsupportedObjectives, match="'loss'") as refused:
        Goals.of(SPACE, [LOSS, GAIN, LOSS])
    assert refused.value.fields[0].pointer == "/objectives/2/name"
    with pytest.raises(UnsupportedObjectives, match="no objectives"):
        Goals.of(SPACE, [])


@pytest.mark.parametrize(
    ("fidelity", "pointer", "said"),
    [
        ({"parameter": "epoch"}, "/fidelity/parameter", "x, epochs, level, kind"),
        ({"parameter": "kind"}, "/fidelity/parameter", "categorical"),
        ({"parameter": "epochs", "target": 31}, "/fidelity/target", "31"),
        ({"parameter": "epochs", "target": 2.5}, "/fidelity/target", "a whole number from 1 to 30"),
        ({"parameter": "x"}, "/fidelity/cost/fixed", "is 0"),
        ({"parameter": "level", "cost": {"fixed": 1.5}}, "/fidelity/cost/fixed", "-0.5"),
    ],
)
def test_a_fidelity_that_makes_no_sense_is_refused(fidelity, pointer, said):
    with pytest.raises(InvalidFidelity) as refused:
        Goals.of(SPACE, [LOSS], (), Fidelity.model_validate(fidelity))
    assert refused.value.fields[0].pointer == pointer
    assert said in refused.value.fields[0].message + refused.value.fields[0].hint


def test_a_fidelity_needs_something_to_search_and_one_objective():
    with pytest.raises(InvalidFidelity, match="only parameter"):
        Goals.of(SearchSpace.checked([Int(1, 9, name="n")]), [LOSS], (), Fidelity(parameter="n"))
    with pytest.raises(UnsupportedObjectives, match="2 objectives"):
        Goals.of(SPACE, [LOSS, GAIN], (), Fidelity(parameter="epochs"))


def test_the_target_is_the_high_end_unless_it_is_named():
    cost = FidelityCost(fixed=2.0, per_unit=0.5)
    goals = Goals.of(SPACE, [LOSS], (), Fidelity(parameter="epochs", cost=cost))
    assert goals.fidelity == FidelityGoal("epochs", 30.0, 2.0, 0.5)
    assert goals.fidelity.cost(10) == 7.0
    assert goals.at_target({"epochs": 30})
    assert not goals.at_target({"epochs": 29})
    assert not goals.plain
    assert Goals.of(SPACE, [LOSS]).at_target({"epochs": 1})


def test_what_a_result_must_bring_and_which_way_is_better():
    goals = Goals.of(SPACE, [LOSS, GAIN], ["size <= 3", "gain >= 1", "size >= 0"])
    assert goals.metrics == ("loss", "gain", "size")
    assert goals.signs == {"loss": -1.0, "gain": 1.0, "size": -1.0}
    assert goals.constrained == ("size", "gain")
    assert goals.interval("size") == (0.0, 3.0)
    assert goals.interval("gain") == (1.0, math.inf)
    assert goals.interval("loss") == (-math.inf, math.inf)
    assert goals.utilities({"loss": 2.0, "gain": 5.0, "size": 1.0}) == (-2.0, 5.0)
    assert goals.feasible({"loss": 2.0, "gain": 1.0, "size": 3.0})
    assert not goals.feasible({"loss": 2.0, "gain": 0.9, "size": 3.0})
    assert not goals.feasible({"loss": 2.0, "gain": 2.0, "size": -0.1})


def test_one_objective_and_nothing_else_is_plain():
    assert Goals.of(SPACE, [LOSS]).plain
    assert not Goals.of(SPACE, [LOSS], ["loss <= 3"]).plain
    assert not Goals.of(SPACE, [LOSS, GAIN]).plain
