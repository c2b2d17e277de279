"""SIGTERM in the worker's own process."""

import os
import signal
import threading
from contextlib import suppress

import pytest

from headway.heartbeats import Heartbeat
from headway.patience import Patience
from tests.clients.worker import AWAY, states, work


def terminate(trial):
    os.kill(os.getpid(), signal.SIGTERM)
    pytest.fail("SIGTERM had no effect")


def test_sigterm_gives_the_trial_back_and_ends_the_process(study):
    with pytest.raises(SystemExit) as ended:
        work(study, terminate)
    assert ended.value.code == 143
    assert states(study) == ["queued"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_sigterm_while_reporting_lets_the_result_through(study, faulty):
    faulty.before[":finish"] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit):
        work(study, lambda _: 0.5)
    assert states(study) == ["completed"]


def test_sigterm_cuts_the_waiting_for_an_absent_server_short(study, faulty):
    study._link.connection.patience = Patience(total_s=60)
    trials = study.trials()
    trial = next(trials)
    faulty.spoil(":finish", *[AWAY] * 999)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(SystemExit), trial:
        trial.finish(0.5)
    faulty._faults.clear()
    study.view()
    assert states(study) == ["completed"]


def test_sigterm_while_asking_gives_back_what_was_on_its_way(study, faulty):
    """The server has handed the trial out, and SIGTERM comes before its answer is read."""
    handle = faulty.handle_request

    def interrupted(request):
        answer = handle(request)
        if request.url.path.endswith(":suggest") and len(faulty.sent(":suggest")) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return answer

    faulty.handle_request = interrupted
    with pytest.raises(SystemExit):
        next(study.trials())
    assert states(study) == ["queued"]


def test_sigterm_before_the_work_begins_gives_the_trial_back(study):
    trials = study.trials()
    next(trials)
    with pytest.raises(SystemExit):
        os.kill(os.getpid(), signal.SIGTERM)
    trials.close()
    assert states(study) == ["queued"]


def test_sigterm_while_the_heartbeat_starts_gives_the_trial_back(study, monkeypatch):
    start = Heartbeat.start

    def interrupted(self):
        start(self)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Heartbeat, "start", interrupted)
    with pytest.raises(SystemExit):
        work(study, lambda _: pytest.fail("the work began"))
    assert states(study) == ["queued"]


def test_sigterm_that_somebody_swallowed_ends_the_loop_after_the_trial(study):
    def swallow(_):
        with suppress(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
        return 0.5

    with pytest.raises(SystemExit):
        work(study, swallow)
    assert states(study) == ["completed"]


def test_sigterm_that_somebody_swallowed_is_raised_again_at_a_report(study):
    def swallow(trial):
        with suppress(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
        trial.report(step=1)
        pytest.fail("the work went on")

    with pytest.raises(SystemExit):
        work(study, swallow)
    assert states(study) == ["queued"]


def test_sigterm_while_asking_an_absent_server_ends_at_once(study, faulty):
    faulty.spoil(":suggest", AWAY)
    faulty.before[":suggest"] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit):
        next(study.trials())
    assert states(study) == []


def test_sigterm_calls_the_handler_that_was_there_before(study):
    called = []
    before = signal.signal(signal.SIGTERM, lambda *_: called.append("before"))
    try:
        with pytest.raises(SystemExit):
            work(study, terminate)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert called == ["before"]


def test_sigterm_that_is_ignored_stays_ignored(study):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        for trial in study.trials():
            with trial:
                os.kill(os.getpid(), signal.SIGTERM)
                trial.finish(1.0)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert states(study) == ["completed"] * 4
