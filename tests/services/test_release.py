"""A worker gives its trial back, or comes back to the trials that it holds."""

from datetime import timedelta

import pytest

from headway.wire.study import Policy
from headway.wire.trial import FinishRequest, HeartbeatRequest, ReleaseRequest, SuggestRequest
from headway_server.domain.errors import LeaseSuperseded, UnknownLease, ValidationFailed
from headway_server.services import trials
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.history import events_after
from headway_server.services.release import release
from headway_server.services.suggest import suggest


@pytest.fixture
def ask(database, engine):
    def call(**fields):
        return suggest(database, engine, "s", SuggestRequest.model_validate(fields))

    return call


def give_back(database, trial, token=None):
    return release(database, "s", trial.number, ReleaseRequest(lease_token=token or trial.lease.token))


def test_a_released_point_goes_to_the_next_worker_at_no_cost(define, ask, database):
    define(budget=1)
    (trial,) = ask().response.trials
    answer = give_back(database, trial)
    assert (answer.released, answer.trial_state) == (True, "queued")
    (again,) = ask().response.trials
    assert (again.number, again.params, again.attempt) == (1, trial.params, 2)
    with pytest.raises(LeaseSuperseded):
        heartbeat(database, "s", 1, HeartbeatRequest(lease_token=trial.lease.token))


def test_a_repeated_release_takes_nothing_from_the_next_worker(define, ask, database):
    define(budget=1)
    (trial,) = ask().response.trials
    give_back(database, trial)
    ask()
    before = trials.read(database, "s", 1), events_after(database, "s", 0)
    answer = give_back(database, trial)
    assert (answer.released, answer.trial_state) == (True, "leased")
    assert (trials.read(database, "s", 1), events_after(database, "s", 0)) == before


def test_a_finished_trial_has_nothing_to_give_back(define, ask, database):
    define()
    (trial,) = ask().response.trials
    result = FinishRequest(lease_token=trial.lease.token, metrics={"value": 1.0})
    finish(database, "s", 1, result)
    answer = give_back(database, trial)
    assert (answer.released, answer.trial_state) == (False, "completed")


def test_a_strange_token_gives_nothing_back(define, ask, database):
    define()
    (trial,) = ask().response.trials
    with pytest.raises(UnknownLease):
        give_back(database, trial, "1.nobody")
    assert trials.read(database, "s", 1).state == "leased"


def test_a_worker_gets_its_leases_back_with_their_tokens(define, ask, database):
    define(budget=4, policy=Policy(lease_s=60, first_heartbeat_grace_s=0))
    mine = ask(worker="a", count=2).response.trials
    ask(worker="b")
    database.clock_offset += timedelta(seconds=50)
    back = ask(worker="a", resume=True)
    assert back.resumed
    assert [(t.number, t.params, t.lease.token) for t in back.response.trials] == [
        (t.number, t.params, t.lease.token) for t in mine
    ]
    assert all(trial.lease.expires_in_s == pytest.approx(60) for trial in back.response.trials)


def test_a_worker_without_leases_resumes_with_a_new_trial(define, ask, database):
    define(policy=Policy(lease_s=60, first_heartbeat_grace_s=0, on_expired="drop"))
    ask(worker="a")
    database.clock_offset += timedelta(seconds=81)
    fresh = ask(worker="a", resume=True)
    assert not fresh.resumed
    assert [trial.number for trial in fresh.response.trials] == [2]


def test_only_trials_with_the_fixed_values_are_resumed(define, ask):
    define()
    ask(worker="a", fixed={"x": 0.25})
    other = ask(worker="a", resume=True, fixed={"x": 0.5})
    assert [trial.number for trial in other.response.trials] == [2]
    again = ask(worker="a", resume=True, fixed={"x": 0.25})
    assert [trial.number for trial in again.response.trials] == [1]


def test_nobody_in_particular_can_resume_nothing(define, ask):
    define()
    with pytest.raises(ValidationFailed, match="no worker"):
        ask(resume=True)
