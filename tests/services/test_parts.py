"""A result that comes in parts: each is kept, and the last one completes the trial."""

from datetime import timedelta

import pytest

from headway.wire.measured import MeasuredValue
from headway.wire.study import Objective, Policy
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import IllegalTransition, NotFinite, UnknownLease, ValidationFailed
from headway_server.services.finish import finish
from headway_server.services.history import events_after
from headway_server.services.leases import sweep
from headway_server.services.suggest import suggest
from headway_server.services.trials import read

BOTH = (Objective(name="yield", goal="maximize"), Objective(name="purity", goal="maximize"))


@pytest.fixture
def trial(define, database, engine):
    define(objectives=BOTH, policy=Policy(lease_s=100, first_heartbeat_grace_s=0))
    return suggest(database, engine, "s", SuggestRequest()).response.trials[0]


@pytest.fixture
def report(database, trial):
    def call(token=None, **fields):
        request = FinishRequest.model_validate({"lease_token": token or trial.lease.token} | fields)
        return finish(database, "s", 1, request)

    return call


def test_a_part_keeps_the_lease_and_the_last_one_completes(report, database):
    answer = report(final=False, metrics={"yield": {"value": 0.5, "std_error": 0.1}})
    assert (answer.trial_state, answer.duplicate, answer.study.leased) == ("leased", False, 1)
    shown = read(database, "s", 1)
    assert shown.attempts[0].metrics == {"yield": MeasuredValue(value=0.5, std_error=0.1)}
    assert shown.observations == ()
    answer = report(metrics={"purity": 0.75})
    assert (answer.trial_state, answer.best_changed) == ("completed", True)
    assert read(database, "s", 1).metrics == {
        "yield": MeasuredValue(value=0.5, std_error=0.1),
        "purity": MeasuredValue(value=0.75),
    }


def test_a_repeat_of_a_part_changes_nothing_before_and_after_the_result(report, database):
    report(final=False, metrics={"yield": 0.5})
    events = events_after(database, "s", 0)
    assert report(final=False, metrics={"yield": 0.5}).duplicate
    assert events_after(database, "s", 0) == events
    report(metrics={"purity": 0.75})
    before = read(database, "s", 1)
    assert report(final=False, metrics={"yield": 0.5}).duplicate
    assert read(database, "s", 1) == before


def test_a_part_renews_the_lease(report, database):
    database.clock_offset += timedelta(seconds=90)
    report(final=False, metrics={"yield": 0.5})
    database.clock_offset += timedelta(seconds=90)
    assert sweep(database) == 0


def test_a_part_of_a_lease_that_passed_on_is_kept_and_completes_it_late(report, trial, database, engine):
    database.clock_offset += timedelta(seconds=1000)
    (second,) = suggest(database, engine, "s", SuggestRequest()).response.trials
    assert (second.number, second.attempt) == (1, 2)
    assert report(final=False, metrics={"yield": 0.5}).late
    assert read(database, "s", 1).state == "leased"
    answer = report(metrics={"purity": 0.75})
    assert (answer.late, answer.trial_state) == (True, "completed")
    assert report(token=second.lease.token, metrics={"yield": 1, "purity": 1}).superseded


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"metrics": {"yield": float("nan")}}, NotFinite),
        ({"metrics": {}}, ValidationFailed),
        ({"outcome": "failed", "metrics": {"yield": 1}}, ValidationFailed),
        ({"metrics": {"yield": 1}, "params_as_run": {"x": 0.5}}, ValidationFailed),
        ({"metrics": {"yield": 1}, "token": "1.no"}, UnknownLease),
        ({"metrics": {"yield": 0.75}}, IllegalTransition),
    ],
)
def test_what_is_no_part_is_refused_and_changes_nothing(report, database, fields, error):
    report(final=False, metrics={"yield": 0.5})
    before = read(database, "s", 1)
    with pytest.raises(error):
        report(final=False, **fields)
    assert read(database, "s", 1) == before


def test_a_part_after_the_whole_result_is_refused(report):
    report(metrics={"yield": 0.5, "purity": 0.75})
    with pytest.raises(IllegalTransition, match="whole result"):
        report(final=False, metrics={"colour": 1})
