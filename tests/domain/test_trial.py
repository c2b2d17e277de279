"""The life cycle of a trial: leases, attempts, late and repeated results."""

from datetime import UTC, datetime, timedelta

import pytest

from headway.wire.study import Policy
from headway.wire.trial import FinishRequest, MeasuredValue, Receipt
from headway_server.domain.errors import IllegalTransition, LeaseSuperseded, UnknownLease
from headway_server.domain.measured import Measured
from headway_server.domain.trial import FINAL, Trial, heartbeat_interval_s, trial_seed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy(lease_s=30, first_heartbeat_grace_s=100, max_retries=1)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def queued_trial():
    trial = Trial.reserve(study_id=1, number=1, study_seed=7, space_version=1, now=NOW)
    trial.place({"x": 0.5}, Receipt(policy="sobol", strategy="rucb"))
    return trial


def leased_trial(lease_s=30.0, policy=POLICY):
    trial = queued_trial()
    return trial, trial.lease("w", lease_s, policy, NOW).token


def report(trial, token, seconds, value=1.0, policy=POLICY, **fields):
    request = FinishRequest(lease_token=token, metrics={"value": value}, **fields)
    completed = request.outcome == "completed"
    measured = Measured(
        metrics={"value": MeasuredValue(value=value)},
        value=value if completed else None,
        std_error=None,
        params={"x": 0.5},
        params_as_run=None,
    )
    return trial.finish(request, measured, policy, seq=len(trial.observations) + 1, now=at(seconds))


def test_seeds_are_a_function_of_study_and_number_and_fit_into_json():
    seeds = {trial_seed(study, number) for study in range(20) for number in range(20)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert trial_seed(3, 4) == trial_seed(3, 4)


def test_the_first_lease_has_a_grace_unless_the_request_names_a_length():
    trial = queued_trial()
    assert trial.lease("w", None, POLICY, NOW).expires_at == at(100)
    trial = queued_trial()
    assert trial.lease("w", 50.0, POLICY, NOW).expires_at == at(50)


def test_a_lease_lapses_one_heartbeat_interval_after_it_expires():
    trial, _ = leased_trial()
    assert trial.attempts[0].lapses_at == at(30 + heartbeat_interval_s(30))


def test_a_heartbeat_extends_the_lease_from_now():
    trial, token = leased_trial()
    attempt = trial.heartbeat(token, at(25))
    assert attempt.expires_at == at(55)
    assert attempt.heartbeat_at == at(25)


def test_a_point_can_be_leased_only_when_nobody_holds_it():
    trial, _ = leased_trial()
    with pytest.raises(AssertionError, match="leased"):
        trial.lease("other", None, POLICY, NOW)


def test_a_reserved_number_without_a_point_goes_back_to_the_queue():
    trial = Trial.reserve(1, 1, 7, 1, NOW)
    trial.lapse(POLICY, at(61))
    assert (trial.state, trial.params, trial.reserved_until) == ("queued", None, None)
    trial.reserve_again(at(62))
    assert (trial.state, trial.reserved_until) == ("reserved", at(122))


def test_an_expired_trial_is_queued_again_with_the_same_point_until_its_retries_are_spent():
    trial, first = leased_trial()
    trial.lapse(POLICY, at(50))
    assert (trial.state, trial.live_attempt, trial.params) == ("queued", None, {"x": 0.5})
    second = trial.lease("w2", 30.0, POLICY, at(51))
    assert second.number == 2
    assert second.token != first
    trial.lapse(POLICY, at(100))
    assert trial.state == "lost"
    assert [attempt.ended_by for attempt in trial.attempts] == ["expired", "expired"]


def test_with_drop_an_expired_trial_is_lost_at_once():
    trial, _ = leased_trial()
    trial.lapse(Policy(on_expired="drop"), at(50))
    assert trial.state == "lost"


@pytest.mark.parametrize("retries", [0, 1])
def test_a_heartbeat_revives_a_lapsed_lease_that_nobody_took_over(retries):
    trial, token = leased_trial()
    trial.lapse(Policy(max_retries=retries), at(50))
    assert trial.state == ("queued" if retries else "lost")
    attempt = trial.heartbeat(token, at(55))
    assert (trial.state, trial.live_attempt, attempt.ended_at) == ("leased", 1, None)
    assert attempt.expires_at == at(85)


def test_a_heartbeat_with_a_superseded_token_says_stop():
    trial, old = leased_trial()
    trial.lapse(POLICY, at(50))
    trial.lease("w2", None, POLICY, at(51))
    with pytest.raises(LeaseSuperseded) as refused:
        trial.heartbeat(old, at(52))
    assert refused.value.action == "stop"
    assert trial.live_attempt == 2


@pytest.mark.parametrize("token", ["", "1.0000", "nonsense", "\ud800"])
def test_a_token_that_never_was_is_unknown(token):
    trial, _ = leased_trial()
    with pytest.raises(UnknownLease):
        trial.heartbeat(token, NOW)
    with pytest.raises(UnknownLease):
        report(trial, token, 1)
    assert trial.state == "leased"


@pytest.mark.parametrize("outcome", ["completed", "infeasible", "failed", "stopped", "abandoned"])
def test_an_outcome_is_the_trials_state(outcome):
    trial, token = leased_trial()
    accepted = report(trial, token, 5, outcome=outcome)
    assert trial.state == outcome
    assert trial.state in FINAL
    assert (accepted.late, accepted.superseded, accepted.duplicate, accepted.observed) == (False,) * 3 + (
        True,
    )
    assert trial.attempts[0].ended_by == "finished"
    assert trial.observations[0].value == (1.0 if outcome == "completed" else None)


def test_the_same_result_twice_is_one_result():
    trial, token = leased_trial()
    report(trial, token, 5)
    again = report(trial, token, 6)
    assert again.duplicate
    assert not again.observed
    assert len(trial.observations) == 1


def test_another_result_of_the_same_attempt_is_refused():
    trial, token = leased_trial()
    report(trial, token, 5)
    with pytest.raises(IllegalTransition, match="already reported"):
        report(trial, token, 6, value=2.0)
    assert [seen.value for seen in trial.observations] == [1.0]


def test_late_result_wins_while_the_trial_waits_in_the_queue():
    trial, token = leased_trial()
    trial.lapse(POLICY, at(50))
    accepted = report(trial, token, 60)
    assert accepted.late
    assert not accepted.superseded
    assert trial.state == "completed"


def test_late_result_wins_over_an_attempt_that_is_still_running():
    trial, old = leased_trial()
    trial.lapse(POLICY, at(50))
    new = trial.lease("w2", None, POLICY, at(51)).token
    assert report(trial, old, 60).late
    assert trial.state == "completed"
    assert trial.attempts[1].ended_by == "superseded"
    with pytest.raises(LeaseSuperseded):
        trial.heartbeat(new, at(61))
    replicate = report(trial, new, 70, value=3.0)
    assert replicate.superseded
    assert [(seen.value, seen.superseded) for seen in trial.observations] == [(1.0, False), (3.0, True)]


def test_late_result_of_superseded_attempt_becomes_replicate():
    trial, old = leased_trial()
    trial.lapse(POLICY, at(50))
    new = trial.lease("w2", None, POLICY, at(51)).token
    report(trial, new, 60)
    replicate = report(trial, old, 70, value=3.0)
    assert replicate.late
    assert replicate.superseded
    assert trial.state == "completed"
    assert len(trial.observations) == 2


def test_late_result_completes_a_lost_trial():
    trial, token = leased_trial()
    trial.lapse(Policy(max_retries=0), at(50))
    assert trial.state == "lost"
    assert report(trial, token, 60).late
    assert trial.state == "completed"


@pytest.mark.parametrize("outcome", ["failed", "stopped", "abandoned"])
def test_a_late_failure_does_not_take_the_retry_away(outcome):
    trial, old = leased_trial()
    trial.lapse(POLICY, at(50))
    trial.lease("w2", None, POLICY, at(51))
    report(trial, old, 60, outcome=outcome)
    assert (trial.state, trial.live_attempt) == ("leased", 2)


def test_a_preempted_worker_gives_its_point_back_at_no_cost():
    trial, token = leased_trial()
    accepted = report(trial, token, 5, outcome="abandoned", reason="preempted")
    assert trial.state == "queued"
    assert not accepted.observed
    assert trial.attempts[0].ended_by == "released"
    assert report(trial, token, 6, outcome="abandoned", reason="preempted").duplicate
    for second in (10, 100):  # released attempts are not retries: both expiries are still allowed one
        trial.lease("w", 30.0, POLICY, at(second))
        trial.lapse(POLICY, at(second + 50))
    assert trial.state == "lost"


def test_releasing_after_another_took_over_changes_nothing():
    trial, old = leased_trial()
    trial.lapse(POLICY, at(50))
    trial.lease("w2", None, POLICY, at(51))
    accepted = report(trial, old, 60, outcome="abandoned", reason="preempted")
    assert accepted.late
    assert (trial.state, trial.live_attempt) == ("leased", 2)


def test_failed_trials_are_queued_again_where_the_policy_says_so():
    policy = Policy(on_failed="requeue", max_retries=1)
    trial, token = leased_trial(policy=policy)
    report(trial, token, 5, outcome="failed", policy=policy)
    assert trial.state == "queued"
    token = trial.lease("w", None, policy, at(6)).token
    report(trial, token, 7, outcome="failed", policy=policy)
    assert trial.state == "failed"


def test_failed_trials_count_as_infeasible_where_the_policy_says_so():
    policy = Policy(on_failed="treat_as_infeasible")
    trial, token = leased_trial(policy=policy)
    report(trial, token, 5, outcome="failed", policy=policy)
    assert trial.state == "infeasible"
