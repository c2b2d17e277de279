"""An editor changes a study: what then happens to workers, to the budget, and to another editor."""

import pytest

from headway.wire.study import StudyPatch
from headway.wire.trial import FinishRequest, HeartbeatRequest, SuggestRequest
from headway_server.domain.errors import IllegalTransition, PreconditionRequired, StaleEtag, ValidationFailed
from headway_server.services import studies
from headway_server.services.change_study import change
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.history import events_after
from headway_server.services.suggest import suggest


@pytest.fixture
def ask(database, engine):
    def call(**fields):
        return suggest(database, engine, "s", SuggestRequest.model_validate(fields)).response

    return call


@pytest.fixture
def patch(database):
    def call(if_match="*", **fields):
        return change(database, "s", StudyPatch.model_validate(fields), if_match)

    return call


def report(database, trial, value=1.0):
    result = FinishRequest(lease_token=trial.lease.token, metrics={"value": value})
    return finish(database, "s", trial.number, result)


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [("paused", "wait", "paused"), ("completed", "done", "closed"), ("archived", "done", "closed")],
)
def test_a_study_that_does_not_run_hands_nothing_out_and_takes_every_result(
    define, ask, patch, database, state, status, reason
):
    define()
    (trial,) = ask().trials
    assert patch(state=state).state == state
    answer = ask()
    assert (answer.status, answer.reason, answer.trials) == (status, reason, ())
    assert heartbeat(database, "s", 1, HeartbeatRequest(lease_token=trial.lease.token)).action == "continue"
    assert report(database, trial).trial_state == "completed"
    assert studies.read(database, "s").state == state
    patch(state="running")
    assert ask().status == "ok"


def test_a_worker_gets_its_leases_back_from_a_paused_study(define, ask, patch):
    define()
    (trial,) = ask(worker="w").trials
    patch(state="paused")
    (again,) = ask(worker="w", resume=True).trials
    assert again.lease.token == trial.lease.token
    assert ask(worker="other", resume=True).reason == "paused"


def test_the_budget_is_never_less_than_what_was_handed_out(define, ask, patch, database):
    define(budget=5)
    ask(count=3)
    before = studies.read(database, "s")
    with pytest.raises(ValidationFailed, match="budget 2 is less than the 3") as refused:
        patch(budget=2)
    assert refused.value.fields[0].pointer == "/budget"
    assert studies.read(database, "s") == before
    view = patch(budget=3)
    assert (view.budget, view.budget_left, view.state) == (3, 0, "running")
    assert ask().reason == "leases_outstanding"


def test_a_study_whose_budget_is_spent_runs_again_only_with_more(define, ask, patch, database):
    define(budget=1)
    report(database, ask().trials[0])
    assert studies.read(database, "s").state == "completed"
    assert ask().reason == "budget"
    with pytest.raises(IllegalTransition, match="budget of 1 trials"):
        patch(state="running")
    assert studies.read(database, "s").state == "completed"
    assert patch(budget=2).state == "running"
    assert ask().trials[0].number == 2


def test_a_budget_cut_to_what_has_ended_completes_the_study(define, ask, patch, database):
    define(budget=5)
    report(database, ask().trials[0])
    assert patch(budget=1).state == "completed"
    assert events_after(database, "s", 0)[-1].type == "study.completed"


def test_a_closed_study_with_budget_left_stays_closed_when_that_is_raised(define, patch):
    define(budget=5)
    patch(state="completed")
    assert patch(budget=6).state == "completed"


def test_the_same_definition_still_joins_a_study_that_was_changed(define, patch, database):
    define(budget=5)
    definition = studies.read(database, "s").definition
    patch(budget=9, notes="warm room")
    view, created = studies.create_or_get(database, definition)
    assert not created
    assert (view.budget, view.definition.notes) == (9, "warm room")


def test_the_etag_changes_with_the_study_and_not_with_its_trials(define, ask, patch, database):
    define()
    first = studies.read(database, "s").etag
    (trial,) = ask().trials
    report(database, trial)
    assert studies.read(database, "s").etag == first
    seen = [first, patch(state="paused").etag, patch(budget=9).etag, patch(notes="n").etag]
    assert len(set(seen)) == 4
    assert studies.read(database, "s").etag == seen[-1]


def test_of_two_editors_the_second_must_look_again(define, patch, database):
    define()
    etag = studies.read(database, "s").etag
    patch(etag, notes="mine")
    before = studies.read(database, "s")
    for stale in (etag, f"W/{before.etag}", "nonsense"):
        with pytest.raises(StaleEtag, match=before.etag):
            patch(stale, notes="yours")
    with pytest.raises(PreconditionRequired, match="If-Match"):
        patch(None, notes="yours")
    assert studies.read(database, "s") == before
    assert patch(f'"other", {before.etag}', notes="yours").definition.notes == "yours"


def test_a_repeated_change_is_answered_and_changes_nothing(define, patch, database):
    define()
    etag = studies.read(database, "s").etag
    view = patch(etag, state="paused", notes="n")
    events = events_after(database, "s", 0)
    assert patch(etag, state="paused", notes="n") == view
    assert events_after(database, "s", 0) == events
    assert events[-1].data == {"changed": {"state": "paused", "notes": "n"}}
