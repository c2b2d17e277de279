"""Intermediate values: kept once, whoever sends them, and what the server makes of them."""

from datetime import timedelta

import pytest

from headway.wire.measurement import MeasurementsRequest
from headway.wire.study import EarlyStopping, Objective, Policy
from headway.wire.trial import FinishRequest, HeartbeatRequest, ReleaseRequest, SuggestRequest
from headway_server.domain.errors import (
    InvalidCursor,
    NotFinite,
    NotFound,
    QuotaExceeded,
    UnknownLease,
    UnsupportedObjectives,
)
from headway_server.services import measurements
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.history import events_after
from headway_server.services.leases import sweep
from headway_server.services.measurements import measure, page
from headway_server.services.release import release
from headway_server.services.suggest import suggest
from headway_server.services.trials import read

STOPS = Policy(early_stopping=EarlyStopping(min_trials=3))


@pytest.fixture
def ask(database, engine):
    def call(**fields):
        return suggest(database, engine, "s", SuggestRequest.model_validate(fields)).response.trials

    return call


@pytest.fixture
def report(database):
    def call(trial, *steps, name="value"):
        rows = [{"step": step, "metrics": {name: value}} for step, value in steps]
        request = MeasurementsRequest(lease_token=trial.lease.token, measurements=rows)
        return measure(database, "s", trial.number, request)

    return call


def complete(database, trial, value=0.0):
    result = FinishRequest(lease_token=trial.lease.token, metrics={"value": value})
    return finish(database, "s", trial.number, result)


def kept(database, number=1):
    return [
        (one.attempt, one.step, one.metrics) for one in page(database, "s", number, None, 100).measurements
    ]


def test_a_step_is_written_once(define, ask, report, database):
    define()
    (trial,) = ask()
    assert report(trial, (2, 0.5), (1, 0.25)).stored == 2
    assert report(trial, (2, 0.5), (3, 0.125)).stored == 1
    assert report(trial, (1, 9.0), (1, 8.0)).stored == 0
    assert kept(database) == [(1, 1, {"value": 0.25}), (1, 2, {"value": 0.5}), (1, 3, {"value": 0.125})]


def test_a_report_renews_the_lease(define, ask, report, database):
    define(policy=Policy(lease_s=60, first_heartbeat_grace_s=0))
    (trial,) = ask()
    database.clock_offset += timedelta(seconds=50)
    assert report(trial, (1, 0.5)).action == "continue"
    database.clock_offset += timedelta(seconds=50)
    assert sweep(database) == 0


def test_a_lapsed_lease_that_nobody_took_over_is_revived(define, ask, report, database):
    define(policy=Policy(lease_s=5, first_heartbeat_grace_s=0))
    (trial,) = ask()
    database.clock_offset += timedelta(seconds=100)
    assert sweep(database) == 1
    assert report(trial, (1, 0.5)).action == "continue"
    assert read(database, "s", 1).state == "leased"


def test_a_lease_that_has_passed_on_adds_data_and_is_told_to_stop(define, ask, report, database):
    define()
    (first,) = ask()
    release(database, "s", 1, ReleaseRequest(lease_token=first.lease.token))
    (second,) = ask()
    before = read(database, "s", 1)
    answer = report(first, (1, 0.5))
    assert (answer.stored, answer.action) == (1, "stop")
    assert "released" in answer.reason
    assert read(database, "s", 1) == before
    report(second, (1, 0.75))
    assert kept(database) == [(1, 1, {"value": 0.5}), (2, 1, {"value": 0.75})]


def test_pages_follow_on_each_other(define, ask, report, database):
    define()
    (trial,) = ask()
    report(trial, *((step, step / 8) for step in range(5)))
    seen, cursor = [], None
    while True:
        got = page(database, "s", 1, cursor, 2)
        seen += [one.step for one in got.measurements]
        cursor = got.next_cursor
        if cursor is None:
            break
    assert seen == [0, 1, 2, 3, 4]
    for wrong in ("1", "1.", "x.1", "1.2.3", "٣.1", "9" * 30):
        with pytest.raises(InvalidCursor):
            page(database, "s", 1, wrong, 2)


def test_what_makes_no_sense_is_refused_and_nothing_is_stored(define, ask, report, database):
    define()
    (trial,) = ask()
    with pytest.raises(NotFinite) as error:
        report(trial, (1, 0.5), (2, float("nan")))
    assert error.value.fields[0].pointer == "/measurements/1/metrics/value"
    with pytest.raises(UnknownLease):
        measure(
            database,
            "s",
            1,
            MeasurementsRequest(lease_token="1.no", measurements=[{"step": 1, "metrics": {"value": 1}}]),
        )
    with pytest.raises(NotFound):
        page(database, "s", 2, None, 10)
    assert kept(database) == []


def test_an_attempt_keeps_no_more_than_there_is_room_for(define, ask, report, database, monkeypatch):
    monkeypatch.setattr(measurements, "MOST_OF_AN_ATTEMPT", 3)
    define()
    (trial,) = ask()
    report(trial, (1, 0.5), (2, 0.5))
    with pytest.raises(QuotaExceeded):
        report(trial, (3, 0.5), (4, 0.5))
    assert report(trial, (2, 0.5), (3, 0.5)).stored == 1
    assert len(kept(database)) == 3


def test_the_median_rule_stops_the_worse_half(define, ask, report, database):
    define(policy=STOPS, budget=20)
    for value in (1.0, 2.0, 3.0):
        (trial,) = ask()
        report(trial, (1, 10 * value), (2, value), (9, 0.0))
        complete(database, trial, value)
    # Running averages up to step 2: 5.5, 11, 16.5. The later step counts for nothing yet.
    (good,) = ask()
    assert report(good, (1, 30.0), (2, 11.0)).action == "continue"
    (bad,) = ask()
    assert report(bad, (1, 30.0)).action == "stop"
    answer = report(bad, (2, 1.0))
    assert answer.action == "stop", "the word stands"
    assert "median over 3 completed trials is 20" in answer.reason
    beat = heartbeat(database, "s", bad.number, HeartbeatRequest(lease_token=bad.lease.token))
    assert (beat.action, beat.reason) == ("stop", answer.reason)
    assert read(database, "s", bad.number).attempts[0].stop_reason == answer.reason
    types = [one.type for one in events_after(database, "s", 0)]
    assert types.count("trial.stop_asked") == 1
    assert complete(database, bad, 9.0).accepted, "a measured value is never refused"


def test_a_metric_that_is_no_objective_stops_nobody(define, ask, report, database):
    define(policy=STOPS, budget=20)
    for _ in range(4):
        (trial,) = ask()
        report(trial, (1, 0.0))
        complete(database, trial)
    (trial,) = ask()
    assert report(trial, (1, 1e9), name="seconds").action == "continue"


def test_early_stopping_compares_one_objective(define):
    with pytest.raises(UnsupportedObjectives) as error:
        define(policy=STOPS, objectives=(Objective(name="a"), Objective(name="b")))
    assert error.value.fields[0].pointer == "/policy/early_stopping"
