import json

import pytest

from headway import Boolean, Categorical, Fidelity, Float, Int, Objective, Ordinal, Policy, When
from headway.calls import create_study
from headway.errors import ValidationFailed
from headway.spaces import define_study, parameter


@pytest.mark.parametrize(
    ("like", "made"),
    [
        (Float(1, 2, log=True), Float(1, 2, log=True, name="p")),
        (Int(1, 2), Int(1, 2, name="p")),
        (Int(1, 9, step=2, when=When("q", (True,))), Int(1, 9, step=2, when=When("q", (True,)), name="p")),
        (Ordinal((1, "two")), Ordinal((1, "two"), name="p")),
        (["a", "b"], Categorical(("a", "b"), name="p")),
        ([1, 2.5, True], Categorical((1, 2.5, True), name="p")),
        (bool, Boolean(name="p")),
        (Float(0, 1, name="p"), Float(0, 1, name="p")),
    ],
    ids=repr,
)
def test_parameter_is_made_from_what_users_write(like, made):
    assert parameter("p", like) == made


@pytest.mark.parametrize("like", [(0, 1), "abc", 3, float, {"low": 0}], ids=repr)
def test_ambiguous_parameter_is_refused_with_the_ways_to_write_it(like):
    with pytest.raises(TypeError, match=r"'p' is .*headway.Float\(low, high\)"):
        parameter("p", like)


def test_two_names_for_one_parameter_are_refused():
    with pytest.raises(ValueError, match="named 'q'"):
        parameter("p", Float(0, 1, name="q"))


def test_goal_names_the_objective():
    definition = define_study("s", {"x": [1]}, maximize="yield")
    assert [(one.name, one.goal) for one in definition.objectives] == [("yield", "maximize")]


def test_both_goals_are_refused():
    with pytest.raises(ValueError, match="not both"):
        define_study("s", {"x": [1]}, maximize="a", minimize=["b", "a"])
    with pytest.raises(ValueError, match="not both ways"):
        define_study("s", {"x": [1]}, maximize="a", objectives=[Objective(name="b")])


def test_several_objectives_constraints_and_a_fidelity():
    definition = define_study(
        "s",
        {"x": Float(0, 1), "epochs": Int(1, 9)},
        maximize=["gain"],
        minimize=["loss", "size"],
        outcome_constraints=["latency <= 50"],
    )
    assert [(one.name, one.goal) for one in definition.objectives] == [
        ("gain", "maximize"),
        ("loss", "minimize"),
        ("size", "minimize"),
    ]
    assert definition.outcome_constraints == ("latency <= 50",)
    named = define_study("s", {"x": [1], "n": Int(1, 9)}, fidelity="n")
    assert named.fidelity == Fidelity(parameter="n")
    whole = [Objective(name="b"), Objective(name="a", goal="maximize")]
    assert define_study("s", {"x": [1]}, objectives=whole).objectives == tuple(whole)
    with pytest.raises(ValidationFailed, match="objectives"):
        define_study("s", {"x": [1]}, objectives=[])


def test_every_wrong_field_is_named():
    with pytest.raises(ValidationFailed, match=r"(?s)/name.*/budget"):
        define_study("no spaces", {"x": [1]}, budget=-1)


def test_only_what_was_said_is_sent():
    definition = define_study("s", {"x": Float(0, 1)}, minimize="loss", policy=Policy(lease_s=60))
    assert json.loads(create_study(definition).content()) == {
        "name": "s",
        "space": {"parameters": [{"low": 0.0, "high": 1.0, "log": False, "name": "x", "type": "float"}]},
        "objectives": [{"name": "loss", "goal": "minimize"}],
        "seed": 0,
        "policy": {"lease_s": 60.0},
    }
