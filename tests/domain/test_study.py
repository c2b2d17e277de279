"""What makes a study's definition valid, and two definitions the same."""

from datetime import UTC, datetime

import pytest

from headway.wire.space import Float, Space
from headway.wire.study import Objective, StudyDefinition
from headway_server.domain.errors import (
    ConstraintsInfeasible,
    InvalidFidelity,
    InvalidOutcomeConstraint,
    InvalidSpace,
    UnknownStrategy,
    UnsupportedObjectives,
)
from headway_server.domain.study import (
    FOR_SEVERAL_OBJECTIVES,
    STRATEGY_NAMES,
    Study,
    check_definition,
    definition_hash,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def definition(**changes):
    return StudyDefinition.model_validate(
        {"name": "s", "space": Space(parameters=(Float(0, 1, name="x"),)), "budget": 2} | changes
    )


def test_a_definition_of_the_first_release_has_the_hash_it_had_then():
    """Recorded before `policy.early_stopping` was there: a worker that joins such a study must find it."""
    old = StudyDefinition(name="s", space=Space(parameters=(Float(0, 1, name="x"),)))
    assert definition_hash(old) == "310855f3ba91fefd173bb838a3bce9a0e714c8953ea88ec3a7c60bbcfa89d008"


def test_notes_do_not_make_another_study():
    assert definition_hash(definition(notes="hello")) == definition_hash(definition())


@pytest.mark.parametrize(
    "change",
    [
        {"budget": 3},
        {"seed": 1},
        {"strategy": "ucb"},
        {"space": Space(parameters=(Float(0, 2, name="x"),))},
        {"objectives": (Objective(goal="maximize"),)},
        {"outcome_constraints": ("m <= 3",)},
    ],
)
def test_everything_else_does(change):
    assert definition_hash(definition(**change)) != definition_hash(definition())


def test_an_unknown_strategy_is_named_with_the_known_ones():
    with pytest.raises(UnknownStrategy) as refused:
        check_definition(definition(strategy="grid"))
    assert "'grid'" in refused.value.detail
    assert all(name in refused.value.detail for name in STRATEGY_NAMES)


def test_several_objectives_need_a_strategy_that_can_weigh_them(monkeypatch):
    several = {"objectives": (Objective(name="a"), Objective(name="b"))}
    for name in FOR_SEVERAL_OBJECTIVES:
        check_definition(definition(strategy=name, **several))
    monkeypatch.setattr("headway_server.domain.study.STRATEGY_NAMES", ("grid",))
    with pytest.raises(UnsupportedObjectives, match="2 objectives") as refused:
        check_definition(definition(strategy="grid", **several))
    assert refused.value.fields[0].pointer == "/strategy"
    check_definition(definition(strategy="grid"))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"outcome_constraints": ("m < 3",)}, InvalidOutcomeConstraint),
        ({"fidelity": {"parameter": "y"}}, InvalidFidelity),
        ({"objectives": (Objective(name="a"), Objective(name="a"))}, UnsupportedObjectives),
    ],
)
def test_goals_are_checked_with_the_definition(change, error):
    with pytest.raises(error):
        check_definition(definition(**change))


def test_a_study_can_not_be_defined_over_a_bad_space():
    with pytest.raises(InvalidSpace):
        check_definition(definition(space=Space(parameters=(Float(1, 0, name="x"),))))


def test_a_study_can_not_be_defined_over_constraints_that_no_point_satisfies():
    space = Space(parameters=(Float(0, 1, name="x"), Float(0, 1, name="y")), constraints=("x + y >= 3",))
    with pytest.raises(ConstraintsInfeasible, match="'x \\+ y >= 3'"):
        check_definition(definition(space=space))


def test_numbers_are_taken_until_the_budget_is_spent():
    study = Study.define(definition(), NOW)
    assert study.budget_left == 2
    assert [study.next_number(), study.next_number()] == [1, 2]
    assert study.budget_left == 0
    with pytest.raises(AssertionError, match="no budget"):
        study.next_number()


def test_a_study_without_a_budget_never_runs_out():
    study = Study.define(definition(budget=None), NOW)
    assert study.budget_left is None
    assert study.next_number() == 1


@pytest.mark.parametrize(("goal", "better", "worse"), [("minimize", 1.0, 3.0), ("maximize", 3.0, 1.0)])
def test_which_way_is_better(goal, better, worse):
    study = Study.define(definition(objectives=(Objective(goal=goal),)), NOW)
    assert study.improves(better, 2.0)
    assert not study.improves(worse, 2.0)
    assert not study.improves(2.0, 2.0)
    assert study.improves(worse, None)
