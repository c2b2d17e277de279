"""What no audit is made of, and who may not begin one."""

from dataclasses import replace

import pytest

from headway.wire.space import Float, Space
from headway.wire.space_versions import SpacePut
from headway.wire.study import Objective, StudyPatch
from headway.wire.trial import SuggestRequest
from headway_server.domain.access import COMMAND_LINE
from headway_server.domain.errors import (
    IllegalTransition,
    NotFound,
    OutOfScope,
    UnsupportedObjectives,
    ValidationFailed,
)
from headway_server.services import campaign_audit, spaces
from headway_server.services.change_study import change
from headway_server.services.suggest import suggest
from tests.services.audits import FEW, Laboratory, begin, noise, ten_trials


@pytest.fixture
def lab(database, engine):
    return Laboratory(database, engine)


@pytest.fixture
def campaign(define, lab):
    return ten_trials(define, lab)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"strategy": "sobol"}, "another strategy"),
        ({"budget": 9}, "another number of trials"),
        ({"space": Space(parameters=(Float(0, 2, name="x"),))}, "another space"),
        ({"objectives": (Objective(name="value", goal="maximize"),)}, "another objectives"),
    ],
)
def test_what_is_no_such_random_search_is_not_reused(campaign, define, database, lab, fields, said):
    define("r", **({"budget": 10, "strategy": "random", "seed": 1} | fields))
    lab.work("r", noise)
    with pytest.raises(ValidationFailed, match=said) as refused:
        begin(database, reuse=("r",))
    assert refused.value.fields[0].pointer == "/reuse/0"


def test_a_random_search_that_is_not_over_or_is_the_same_twice_is_not_reused(campaign, define, database, lab):
    define("r", budget=10, strategy="random", seed=1)
    with pytest.raises(ValidationFailed, match="not over"):
        begin(database, reuse=("r",))
    lab.work("r", noise)
    with pytest.raises(ValidationFailed, match="the same search twice"):
        begin(database, reuse=("r", "r"))
    with pytest.raises(ValidationFailed, match="Raise `null_campaigns`"):
        begin(database, reuse=("r", "r", "r"))
    with pytest.raises(NotFound):
        begin(database, reuse=("nowhere",))


def test_a_study_that_is_not_over_is_not_audited(define, database, lab):
    define(budget=5)
    with pytest.raises(IllegalTransition, match="a campaign that is over"):
        begin(database)
    lab.work("s", noise, most=4)
    suggest(database, lab.engine, "s", SuggestRequest())
    change(database, "s", StudyPatch(state="completed"), "*")
    with pytest.raises(IllegalTransition, match="1 trials at work"):
        begin(database)


def test_too_few_trials_that_count_are_not_audited(define, database, lab):
    define(budget=5)
    lab.work("s", lambda params, seed: None if params["x"] > 0.0025 else noise(params, seed))
    with pytest.raises(IllegalTransition, match="2 trials of the study 's' count"):
        begin(database)


def test_several_objectives_are_not_audited(define, database, lab):
    define(objectives=(Objective(name="a"), Objective(name="b")), budget=3)
    lab.work("s", lambda *_: {"a": 1.0, "b": 1.0})
    with pytest.raises(UnsupportedObjectives, match="2 objectives"):
        begin(database)


def test_an_incumbent_that_is_no_point_of_the_space_any_more_is_not_audited(campaign, database):
    space = Space(parameters=(Float(0.0, 0.0065, name="x"),))
    spaces.change_space(database, "s", SpacePut(space=space), "*")
    with pytest.raises(IllegalTransition, match="no point of its present space"):
        begin(database)


def test_a_key_for_one_study_begins_no_audit(campaign, database):
    only = database.acting(replace(COMMAND_LINE, study="s"))
    with pytest.raises(OutOfScope, match="makes studies beside it"):
        begin(only)
    begin(database)
    assert campaign_audit.read(only, "s").number == 1


def test_a_study_of_an_audit_is_not_audited(campaign, database, lab):
    lab.audit("s", noise, **FEW)
    with pytest.raises(IllegalTransition, match="part of the audit of 's'"):
        begin(database, "s.audit-1.null-1")
