"""What a trial reports on its way, and what the server says to it."""

import math

import httpx
import pytest

import headway
from tests.clients.worker import AWAY, states


def test_report_goes_on_where_nobody_objects(study):
    with study.suggest()[0] as trial:
        trial.report(step=3, partial=0.25)
        assert trial.reported == {"step": 3.0, "partial": 0.25}
        trial.finish(1.0)


def test_reports_reach_the_server_with_the_result_at_the_latest(study):
    with study.suggest()[0] as trial:
        for step in range(5):
            trial.report(step=step, loss=1 / (step + 1), other=math.nan)
        trial.finish(1.0)
    kept = list(study.measurements(1))
    assert [(one.step, one.metrics) for one in kept] == [(k, {"loss": 1 / (k + 1)}) for k in range(5)]
    assert [one.t for one in kept] == sorted(one.t for one in kept)


def test_reports_are_gathered_into_few_calls(study, faulty, monkeypatch):
    monkeypatch.setattr("headway.reports.EVERY_S", 3600.0)
    with study.suggest()[0] as trial:
        for step in range(100):
            trial.report(step=step, loss=1.0)
        trial.finish(1.0)
    assert len(faulty.sent("/measurements")) == 2
    assert len(list(study.measurements(1))) == 100


def test_reports_that_meet_an_absent_server_go_with_the_next(study, faulty, monkeypatch):
    monkeypatch.setattr("headway.reports.EVERY_S", 0.0)
    faulty.spoil("/measurements", AWAY, "lose the answer")
    with study.suggest()[0] as trial:
        for step in range(4):
            trial.report(step=step, loss=1.0)
        trial.finish(1.0)
    assert [one.step for one in study.measurements(1)] == [0, 1, 2, 3]


def test_a_server_that_knows_no_reports_costs_no_trial(study, faulty, caplog):
    faulty.spoil("/measurements", httpx.Response(404, json={}))
    with study.suggest()[0] as trial:
        trial.report(step=1, loss=1.0)
        trial.finish(1.0)
    assert states(study) == ["completed"]
    assert "measurements were refused" in caplog.text


def test_a_trial_that_the_server_calls_off_is_stopped(client, name):
    stops = headway.EarlyStopping(min_trials=1, min_step=1)
    study = client.create_study(
        name,
        {"x": headway.Float(0, 1)},
        minimize="loss",
        budget=2,
        policy=headway.Policy(early_stopping=stops),
    )
    for trial in study.trials():
        with trial:
            trial.report(step=1, loss=float(trial.number))
            trial.finish(1.0)
    assert states(study) == ["completed", "stopped"]
    assert "median" in study.trial(2).observations[0].message


def test_a_step_that_is_none_is_refused_at_once(study):
    with pytest.raises(ValueError, match="step"), study.suggest()[0] as trial:
        trial.report(step=-1, loss=1.0)
