"""A worker reports: what is kept, what is refused, and what is said."""

import math

import pytest

from headway.wire.study import Objective
from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.domain.errors import NotFinite, NotFound, UnknownLease, ValidationFailed
from headway_server.services import studies, trials
from headway_server.services.finish import finish
from headway_server.services.history import events_after
from headway_server.services.suggest import suggest


@pytest.fixture
def ask(database, engine):
    def call(name="s", **fields):
        return suggest(database, engine, name, SuggestRequest.model_validate(fields)).response.trials

    return call


def report(database, trial, name="s", **fields):
    request = FinishRequest.model_validate({"lease_token": trial.lease.token} | fields)
    return finish(database, name, trial.number, request)


def test_a_result_is_stored_with_its_uncertainty(define, ask, database):
    define()
    (trial,) = ask()
    answer = report(database, trial, metrics={"value": {"value": 2.0, "std_error": 0.5, "n": 4}, "cost": 7.0})
    assert answer.accepted
    assert answer.trial_state == "completed"
    assert (answer.study.completed, answer.study.leased, answer.study.budget_left) == (1, 0, 9)
    view = trials.read(database, "s", 1)
    assert (view.value, view.std_error) == (2.0, 0.5)
    assert view.observations[0].metrics["cost"].value == 7.0
    assert view.observations[0].metrics["value"].n == 4


@pytest.mark.parametrize(
    ("goal", "improving"), [("minimize", [True, False, True]), ("maximize", [True, True, False])]
)
def test_it_says_whether_the_best_changed(define, ask, database, goal, improving):
    define(objectives=(Objective(goal=goal),))
    trials_ = ask(count=3)
    values = [2.0, 3.0, 1.0]
    changed = [
        report(database, trial, metrics={"value": value}).best_changed
        for trial, value in zip(trials_, values, strict=True)
    ]
    assert changed == improving


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "metric", [lambda x: x, lambda x: {"value": x}, lambda x: {"value": 1.0, "std_error": abs(x)}]
)
def test_a_number_that_is_not_finite_is_refused_by_name(define, ask, database, number, metric):
    define()
    (trial,) = ask()
    if math.isnan(number) and isinstance(metric(number), dict) and "std_error" in metric(number):
        with pytest.raises((NotFinite, ValueError)):
            report(database, trial, metrics={"value": metric(number)})
    else:
        with pytest.raises(NotFinite) as refused:
            report(database, trial, metrics={"value": metric(number)})
        assert refused.value.fields[0].pointer == "/metrics/value"
    assert trials.read(database, "s", 1).state == "leased"


def test_a_completed_trial_needs_its_objective(define, ask, database):
    define(objectives=(Objective(name="yield"),))
    (trial,) = ask()
    with pytest.raises(ValidationFailed, match=r"'yield'.*loss") as refused:
        report(database, trial, metrics={"loss": 1.0})
    assert refused.value.fields[0].pointer == "/metrics/yield"
    with pytest.raises(ValidationFailed, match="there are no metrics"):
        report(database, trial)
    assert trials.read(database, "s", 1).observations == ()


@pytest.mark.parametrize("outcome", ["infeasible", "failed", "stopped", "abandoned"])
def test_other_outcomes_need_no_value_and_are_never_the_best(define, ask, database, outcome):
    define()
    (trial,) = ask()
    answer = report(
        database, trial, outcome=outcome, metrics={"value": -1e9}, reason="why", message="long story"
    )
    assert not answer.best_changed
    view = trials.read(database, "s", 1)
    assert (view.state, view.value) == (outcome, None)
    assert (view.observations[0].reason, view.observations[0].message) == ("why", "long story")


def test_the_point_as_run_is_kept_beside_the_suggested_one(define, ask, database):
    define()
    (trial,) = ask()
    report(database, trial, metrics={"value": 1.0}, params_as_run={"x": 0.9})
    view = trials.read(database, "s", 1)
    assert view.params == trial.params
    assert view.observations[0].params_as_run == {"x": 0.9}
    assert database.read(lambda uow: uow.trials.data_after(uow.studies.get("s"), 0))[0].params == {"x": 0.9}


@pytest.mark.parametrize(
    ("on_failed", "outcomes"),
    [
        ("drop", ["completed", "infeasible"]),
        ("treat_as_infeasible", ["completed", "infeasible", "failed"]),
    ],
)
def test_the_engine_learns_from_values_and_from_points_without_one(
    define, ask, database, on_failed, outcomes
):
    define(policy={"on_failed": on_failed})
    completed, infeasible, failed, stopped = ask(count=4)
    metrics = {"value": {"value": 1.0, "std_error": 0.5}, "cost": 3.0}
    report(database, completed, metrics=metrics)
    report(database, infeasible, outcome="infeasible", metrics={"value": 9.0})
    report(database, failed, outcome="failed")
    report(database, stopped, outcome="stopped")
    data = database.read(lambda uow: uow.trials.data_after(uow.studies.get("s"), 0))
    assert [datum.outcome for datum in data] == outcomes
    assert [datum.seq for datum in data] == sorted(datum.seq for datum in data)
    assert (data[0].value, data[0].std_error, data[0].metrics["cost"].value) == (1.0, 0.5, 3.0)
    assert {datum.value for datum in data[1:]} == {None}
    count = database.read(lambda uow: uow.trials.count_after(uow.studies.get("s"), data[0].seq))
    assert count == len(outcomes) - 1


def test_a_late_failure_teaches_nothing_while_another_attempt_is_open(define, ask, database):
    define(policy={"on_failed": "treat_as_infeasible"})
    (trial,) = ask()

    def expire(uow):
        row = uow.trials.get(uow.studies.lock("s"), 1)
        row.lapse(uow.studies.get("s").policy, uow.now)

    database.write(expire)
    (again,) = ask()
    assert report(database, trial, outcome="failed").late
    data = database.read(lambda uow: uow.trials.data_after(uow.studies.get("s"), 0))
    assert data == []
    report(database, again, metrics={"value": 1.0})
    data = database.read(lambda uow: uow.trials.data_after(uow.studies.get("s"), 0))
    assert [datum.outcome for datum in data] == ["completed"]


def test_what_does_not_exist_is_not_found(define, ask, database):
    define()
    (trial,) = ask()
    request = FinishRequest(lease_token=trial.lease.token, metrics={"value": 1.0})
    with pytest.raises(NotFound, match="'nope'"):
        finish(database, "nope", 1, request)
    with pytest.raises(NotFound, match="no trial 2"):
        finish(database, "s", 2, request)


def test_a_token_of_another_trial_is_refused(define, ask, database):
    define()
    first, second = ask(count=2)
    with pytest.raises(UnknownLease):
        finish(
            database, "s", second.number, FinishRequest(lease_token=first.lease.token, metrics={"value": 1.0})
        )
    assert studies.read(database, "s").trials.leased == 2


def test_a_repeated_result_changes_nothing(define, ask, database):
    define(budget=1)
    (trial,) = ask()
    first = report(database, trial, metrics={"value": 1.0})
    before = events_after(database, "s", 0)
    again = report(database, trial, metrics={"value": 1.0})
    assert again.duplicate
    assert again.study == first.study
    assert events_after(database, "s", 0) == before


def test_what_happens_is_told_in_order(define, ask, database):
    define(budget=1)
    (trial,) = ask(worker="w")
    report(database, trial, metrics={"value": 1.0})
    told = events_after(database, "s", 0)
    assert [event.type for event in told] == [
        "study.created",
        "trial.leased",
        "trial.completed",
        "best.improved",
        "study.completed",
    ]
    assert [event.seq for event in told] == [1, 2, 3, 4, 5]
    assert told[1].data["worker"] == "w"
    assert told[2].data["value"] == 1.0
    assert events_after(database, "s", 4) == told[4:]


def test_a_release_is_told(define, ask, database):
    define()
    (trial,) = ask()
    report(database, trial, outcome="abandoned", reason="preempted")
    assert events_after(database, "s", 0)[-1].type == "trial.released"
