"""A worker asks: budget, queue, waiting, and what happens when nobody comes back."""

from datetime import timedelta

import pytest

from headway.wire.study import Policy
from headway.wire.trial import FinishRequest, HeartbeatRequest, SuggestRequest
from headway_server.domain.errors import EngineUnavailable, IdempotencyKeyReused, NotFound
from headway_server.domain.space import SearchSpace
from headway_server.services import studies, trials
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.idempotency import RequestKey
from headway_server.services.leases import sweep
from headway_server.services.suggest import suggest


@pytest.fixture
def ask(database, engine):
    def call(name="s", key=None, **fields):
        request = SuggestRequest.model_validate(fields)
        request_key = key and RequestKey.of(f"suggest {name}", key, request)
        return suggest(database, engine, name, request, request_key)

    return call


@pytest.fixture
def report(database):
    def call(trial, value=1.0, name="s", **fields):
        fields.setdefault("metrics", {"value": value})
        return finish(database, name, trial.number, FinishRequest(lease_token=trial.lease.token, **fields))

    return call


def later(database, seconds):
    database.clock_offset += timedelta(seconds=seconds)


def test_trials_are_numbered_from_one_and_stop_at_the_budget(define, ask, report):
    define(budget=3)
    handed = [ask().response.trials[0] for _ in range(3)]
    assert [trial.number for trial in handed] == [1, 2, 3]
    assert len({trial.lease.token for trial in handed}) == 3
    waiting = ask().response
    assert (waiting.status, waiting.reason, waiting.trials) == ("wait", "leases_outstanding", ())
    assert 0.5 <= waiting.retry_after_s <= 5
    for trial in handed:
        report(trial)
    assert (ask().response.status, ask().response.reason) == ("done", "budget")


def test_an_unknown_study_is_not_found(ask):
    with pytest.raises(NotFound, match="'nope'"):
        ask("nope")


def test_a_count_beyond_the_budget_is_fulfilled_in_part(define, ask):
    define(budget=3)
    response = ask(count=5).response
    assert response.status == "ok"
    assert response.requested == 5
    assert [trial.number for trial in response.trials] == [1, 2, 3]


def test_a_suggestion_carries_its_receipt_its_seed_and_its_lease(define, ask, database):
    define(policy=Policy(lease_s=60, first_heartbeat_grace_s=0))
    (trial,) = ask(worker="w1").response.trials
    assert trial.origin.policy == "spread"
    assert trial.params == {"x": 0.001}
    assert trial.attempt == 1
    assert trial.lease.expires_in_s == pytest.approx(60)
    assert trial.lease.heartbeat_every_s == pytest.approx(20)
    stored = trials.read(database, "s", 1)
    assert (stored.params, stored.origin, stored.seed) == (trial.params, trial.origin, trial.seed)
    assert stored.attempts[0].worker == "w1"


def test_a_repeat_with_the_same_key_is_the_same_answer(define, ask):
    define()
    first = ask(key="k", count=2)
    again = ask(key="k", count=2)
    assert not first.replayed
    assert again.replayed
    assert again.response == first.response
    assert ask(key="other").response.trials[0].number == 3


def test_a_key_belongs_to_one_body(define, ask):
    define()
    ask(key="k", count=2)
    with pytest.raises(IdempotencyKeyReused, match="'k'"):
        ask(key="k", count=3)


def test_a_key_is_forgotten_after_two_days(define, ask, database):
    define(policy=Policy(lease_s=5, first_heartbeat_grace_s=0))
    ask(key="k")
    later(database, 49 * 3600)
    assert not ask(key="k", count=2).replayed


def test_waiting_is_not_kept_under_a_key(define, ask, report):
    define(budget=1)
    trial = ask().response.trials[0]
    assert ask(key="k").response.status == "wait"
    report(trial)
    assert ask(key="k").response.status == "done"


def test_a_request_that_died_while_computing_is_taken_up_by_its_repeat(define, database, engine, ask):
    """The first process reserves a number and is killed before it can hand it out."""
    define(budget=1)

    class Killed(BaseException):
        pass

    class Dying:
        def points(self, study, numbers, held):
            raise Killed

    key = RequestKey.of("suggest s", "k", SuggestRequest())
    with pytest.raises(Killed):
        suggest(database, Dying(), "s", SuggestRequest(), key)
    assert studies.read(database, "s").trials.reserved == 1
    (trial,) = ask(key="k").response.trials
    assert trial.number == 1
    assert studies.read(database, "s").budget_left == 0


def test_a_reservation_that_nobody_comes_back_for_passes_on(define, database, engine, ask):
    define(budget=1)

    class Killed(BaseException):
        pass

    class Dying:
        def points(self, study, numbers, held):
            raise Killed

    with pytest.raises(Killed):
        suggest(database, Dying(), "s", SuggestRequest())
    assert ask().response.status == "wait"
    later(database, 61)
    assert [trial.number for trial in ask().response.trials] == [1]


def test_a_slow_computation_that_lost_its_number_hands_nothing_out(define, database, engine, ask):
    define(budget=1)

    class Slow:
        def points(self, study, numbers, held):
            later(database, 61)
            assert ask().response.trials[0].number == 1
            return engine.points(study, numbers, held)

    response = suggest(database, Slow(), "s", SuggestRequest()).response
    assert (response.status, response.reason) == ("wait", "computing")
    assert studies.read(database, "s").trials.leased == 1


def test_without_an_engine_a_random_point_says_so(define, database):
    define()

    class Away:
        def points(self, study, numbers, held):
            raise EngineUnavailable("The engine is on holiday.")

    handed = [suggest(database, Away(), "s", SuggestRequest()).response.trials[0] for _ in range(3)]
    assert len({trial.params["x"] for trial in handed}) == 3
    for trial in handed:
        assert trial.origin.policy == "fallback"
        assert trial.origin.degraded
        assert trial.origin.degraded_reason == "The engine is on holiday."
        definition = studies.read(database, "s").definition
        assert SearchSpace.from_wire(definition.space).check(trial.params) == trial.params


def test_an_expired_trial_is_handed_out_again_with_the_same_point(define, ask, database):
    define(policy=Policy(lease_s=30, first_heartbeat_grace_s=0))
    first = ask(worker="dies").response.trials[0]
    later(database, 41)
    second = ask(worker="lives").response.trials[0]
    assert (second.number, second.params, second.attempt) == (1, first.params, 2)
    assert second.lease.token != first.lease.token
    assert ask().response.trials[0].number == 2


def test_expiry_never_exceeds_the_budget(define, ask, database):
    define(budget=2, policy=Policy(lease_s=30, first_heartbeat_grace_s=0, max_retries=1))
    for _ in range(2):
        assert len(ask(count=2).response.trials) == 2
        later(database, 41)
    assert ask().response.status == "done"
    view = studies.read(database, "s")
    assert (view.state, view.trials.lost, view.budget_left) == ("completed", 2, 0)


def test_a_late_result_is_kept_after_the_study_is_done(define, ask, report, database):
    define(budget=1, policy=Policy(lease_s=30, first_heartbeat_grace_s=0, max_retries=0))
    trial = ask().response.trials[0]
    later(database, 41)
    assert ask().response.status == "done"
    answer = report(trial, 0.5)
    assert answer.late
    assert answer.best_changed
    assert answer.study.completed == 1


def test_a_heartbeat_keeps_the_trial(define, ask, database):
    define(policy=Policy(lease_s=30, first_heartbeat_grace_s=0))
    trial = ask().response.trials[0]
    for _ in range(4):
        later(database, 25)
        answer = heartbeat(database, "s", 1, HeartbeatRequest(lease_token=trial.lease.token))
        assert answer.action == "continue"
        assert answer.expires_in_s == pytest.approx(30)
    assert sweep(database) == 0


def test_the_sweeper_takes_back_what_nobody_asks_for(define, ask, database):
    define("a", policy=Policy(lease_s=30, first_heartbeat_grace_s=0))
    define("b", policy=Policy(lease_s=300, first_heartbeat_grace_s=0))
    ask("a", count=2)
    ask("b")
    later(database, 41)
    assert sweep(database) == 2
    assert sweep(database) == 0
    assert studies.read(database, "a").trials.queued == 2
    assert studies.read(database, "b").trials.leased == 1


def test_a_cap_on_parallel_trials_makes_others_wait(define, ask, report):
    define(policy=Policy(max_parallel=2))
    trial = ask(count=5).response.trials[0]
    response = ask().response
    assert (response.status, response.reason) == ("wait", "parallelism_cap")
    report(trial)
    assert ask().response.status == "ok"


def test_a_preempted_point_goes_to_the_next_who_asks(define, ask, report):
    define()
    first = ask().response.trials[0]
    report(first, outcome="abandoned", reason="preempted", metrics={})
    second = ask().response.trials[0]
    assert (second.number, second.params, second.attempt) == (1, first.params, 2)


@pytest.mark.parametrize(
    ("state", "status", "reason"), [("paused", "wait", "paused"), ("archived", "done", "closed")]
)
def test_a_study_that_does_not_run_hands_nothing_out_but_takes_results(
    define, ask, report, database, state, status, reason
):
    define()
    trial = ask().response.trials[0]

    def change(uow):
        uow.studies.lock("s").state = state

    database.write(change)
    response = ask().response
    assert (response.status, response.reason) == (status, reason)
    assert report(trial).accepted


def test_staleness_counts_the_results_that_the_point_has_not_seen(define, ask, report, database, engine):
    define()
    earlier = ask(count=3).response.trials

    class Slow:
        def points(self, study, numbers, held):
            points = engine.points(study, numbers, held)
            for trial in earlier:
                report(trial)
            return points

    (trial,) = suggest(database, Slow(), "s", SuggestRequest()).response.trials
    assert trial.origin.staleness == 3
