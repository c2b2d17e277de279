"""Large fits and preparations run beside the answers of the engine host."""

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.engine import Optimizer
from headway_server.services import engine_host, fits, warm
from headway_server.services.engine_host import EngineHost
from headway_server.services.engine_port import Answered, Asked, AskPoints
from headway_server.services.finish import finish
from headway_server.services.fit_process import FitProcess
from headway_server.services.suggest import suggest
from tests.services.tasks import ForEver

PROBE = [{"x": k / 10} for k in range(11)]


@pytest.fixture
def database(sqlite_database):
    return sqlite_database


@pytest.fixture
def fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.fixture
def large(monkeypatch):
    """From four results on, a study is large."""
    monkeypatch.setattr(fits, "LARGE", 4)


class Gate:
    """Stands for the process: runs each task once it may."""

    def __init__(self):
        self.may_run = threading.Semaphore(0)
        self.tasks = []

    def run(self, task):
        self.tasks.append(type(task).__name__)
        assert self.may_run.acquire(timeout=60)
        return task.run()

    def let_pass(self, host):
        """Let one task run, and the host see its end."""
        self.may_run.release()
        host.wait_for_fits()


@pytest.fixture
def gate(monkeypatch, large):
    gate = Gate()
    monkeypatch.setattr(FitProcess, "run", lambda _, task: gate.run(task))
    yield gate
    gate.may_run.release(1000)


def work(database, host, trials, name="s"):
    """Minimise (x - 0.3)²; the receipts."""
    receipts = []
    for _ in range(trials):
        (trial,) = suggest(database, host, name, SuggestRequest()).response.trials
        host.start_fits()
        metrics = {"value": (trial.params["x"] - 0.3) ** 2}
        finish(
            database,
            name,
            trial.number,
            FinishRequest(lease_token=trial.lease.token, metrics=metrics),
        )
        receipts.append(trial.origin)
    return receipts


def started(database, host, monkeypatch, trials=12, name="s"):
    """A study with a model, made by small fits; its version."""
    with monkeypatch.context() as patch:
        patch.setattr(fits, "LARGE", 10**9)
        for _ in range(trials):
            work(database, host, 1, name)
            host.wait_for_fits()
        return host.summary(name).version


def versions(receipts):
    return [receipt.model_version for receipt in receipts]


def test_answers_go_on_under_the_old_version_until_the_new_one_is_prepared(
    database, host, define, gate, monkeypatch
):
    define(budget=60)
    old = started(database, host, monkeypatch)
    during_fit = work(database, host, 4)
    assert versions(during_fit) == [old] * 4
    assert [receipt.n_observed for receipt in during_fit] == [12, 13, 14, 15]
    assert gate.tasks == ["FitTask"]
    gate.let_pass(host)

    during_preparation = work(database, host, 4)
    assert versions(during_preparation) == [old] * 4
    assert [receipt.n_observed for receipt in during_preparation] == [16, 17, 18, 19]
    assert not any(receipt.degraded for receipt in during_preparation)
    assert gate.tasks == ["FitTask", "Preparation"]
    gate.let_pass(host)

    (point,) = host.points("s", [50])
    assert (point.origin.model_version, point.origin.n_observed) == (old + 1, 20)
    again = EngineHost(database)
    (same,) = again.points("s", [50])
    assert again.predict("s", PROBE) == host.predict("s", PROBE)
    again.close()
    timeless = {"compute_ms": 0.0}
    assert same.params == point.params
    assert same.origin.model_copy(update=timeless) == point.origin.model_copy(update=timeless)


def test_a_long_backlog_is_added_beside_the_answers_too(database, host, define, gate, monkeypatch):
    define(budget=80)
    old = started(database, host, monkeypatch)
    work(database, host, 1)
    gate.let_pass(host)
    assert versions(work(database, host, warm.AT_ONCE + 2)) == [old] * (warm.AT_ONCE + 2)
    gate.let_pass(host)
    assert versions(work(database, host, 1)) == [old]
    assert gate.tasks == ["FitTask", "Preparation", "Preparation"]
    gate.let_pass(host)
    (point,) = host.points("s", [70])
    assert (point.origin.model_version, point.origin.n_observed) == (old + 1, 12 + 1 + warm.AT_ONCE + 2 + 1)
    again = EngineHost(database)
    assert again.predict("s", PROBE) == host.predict("s", PROBE)
    again.close()


def test_a_backlog_that_does_not_shrink_is_added_to_an_answer(database, host, define, gate, monkeypatch):
    define(budget=80)
    old = started(database, host, monkeypatch)
    work(database, host, 1)
    gate.let_pass(host)
    for _ in range(2):  # workers as fast as the preparation
        assert versions(work(database, host, warm.AT_ONCE + 2)) == [old] * (warm.AT_ONCE + 2)
        gate.let_pass(host)
    (point,) = host.points("s", [70])
    assert point.origin.model_version == old + 1
    assert gate.tasks == ["FitTask", "Preparation", "Preparation"]
    again = EngineHost(database)
    assert again.predict("s", PROBE) == host.predict("s", PROBE)
    again.close()


def test_a_fit_that_is_not_adopted_yet_is_not_made_twice(database, host, define, gate, monkeypatch):
    define(budget=60)
    started(database, host, monkeypatch)
    work(database, host, 1)
    gate.let_pass(host)
    for _ in range(3):
        host.start_fits()
    assert gate.tasks == ["FitTask"]


def test_a_fit_that_arrives_during_a_preparation_is_the_next_one(database, host, define, gate, monkeypatch):
    define(budget=60)
    old = started(database, host, monkeypatch)
    other = EngineHost(database)

    def another_fit():
        with monkeypatch.context() as patch:
            patch.setattr(fits, "LARGE", 10**9)
            work(database, other, 1)
            other.wait_for_fits()

    another_fit()
    assert host.points("s", [50])[0].origin.model_version == old
    another_fit()
    other.close()
    for version in (old + 1, old + 2):
        gate.let_pass(host)
        assert host.points("s", [50])[0].origin.model_version == version
    assert gate.tasks == ["Preparation"] * 2


def test_a_study_that_is_evicted_during_a_preparation_starts_anew(database, host, define, gate, monkeypatch):
    define(budget=60)
    define("other", budget=60)
    old = started(database, host, monkeypatch)
    work(database, host, 1)
    gate.let_pass(host)
    work(database, host, 1)
    assert gate.tasks == ["FitTask", "Preparation"]
    monkeypatch.setattr(engine_host, "WARM_STUDIES", 1)
    host.points("other", [1])
    assert host.points("s", [50])[0].origin.model_version == old + 1
    gate.may_run.release()
    assert host.points("s", [51])[0].origin.model_version == old + 1


def test_a_killed_fit_is_an_answer_and_later_ones_succeed(
    database, host, define, large, monkeypatch, fifo, caplog
):
    define(budget=60)
    old = started(database, host, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(Optimizer, "fit_task", lambda _: ForEver(str(fifo)))
        work(database, host, 1)
        os.kill(int(fifo.read_text()), signal.SIGKILL)
        host.wait_for_fits()
    host.start_fits()
    assert "no fit at 12 results: the fit process was killed by SIGKILL" in caplog.text
    host.wait_for_fits()  # it is not tried again at the same data
    assert host.points("s", [50])[0].origin.model_version == old
    for _ in range(3):
        work(database, host, 1)
        host.wait_for_fits()
    (point,) = host.points("s", [50])
    assert point.origin.model_version > old
    assert not point.origin.degraded


def test_a_killed_preparation_is_done_by_the_next_question(
    database, host, define, large, monkeypatch, fifo, caplog
):
    define(budget=60)
    old = started(database, host, monkeypatch)
    work(database, host, 1)
    host.wait_for_fits()
    with monkeypatch.context() as patch:
        patch.setattr(Optimizer, "preparation", lambda *_: ForEver(str(fifo)))
        assert host.points("s", [50])[0].origin.model_version == old
        os.kill(int(fifo.read_text()), signal.SIGKILL)
        host.wait_for_fits()
    assert host.points("s", [50])[0].origin.model_version == old + 1
    assert "was not prepared: the fit process was killed by SIGKILL" in caplog.text


def test_a_fit_of_another_study_of_the_same_name_is_not_stored(database, host, define, monkeypatch):
    define(budget=60)
    started(database, host, monkeypatch, trials=8)
    work(database, host, 1)
    host.wait_for_fits()
    newest = host.summary("s").version
    study_id, optimizer = host._warm[1, "s"].study_id, host._warm[1, "s"].optimizer
    host._fits.start(study_id + 1, 0, optimizer).result()
    assert host.summary("s").version == newest
    host._fits.start(study_id, 0, optimizer).result()
    assert host.summary("s").version == newest + 1


HOST = """
import sys
from headway_server.engine import Optimizer
from headway_server.services import engine_host, fits
from tests.services.tasks import ForEver

fits.LARGE = 4
fifo = sys.argv.pop()
Optimizer.fit_task = lambda self: ForEver(fifo)
engine_host.main()
"""


def test_no_fit_outlives_a_killed_host(database, host, define, monkeypatch, fifo):
    define(budget=60)
    started(database, host, monkeypatch)
    ours, theirs = socket.socketpair()
    with ours, ours.makefile("rwb") as lines:
        with theirs:
            end = str(theirs.fileno())
            killed = subprocess.Popen(
                [sys.executable, "-c", HOST, "--database", database.url, "--pipe", end, str(fifo)],
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
            )
        try:
            assert Answered.model_validate_json(lines.readline()).id == 0
            question = Asked(id=1, question=AskPoints(study="s", numbers=[50]))
            lines.write(question.model_dump_json().encode() + b"\n")
            lines.flush()
            assert Answered.model_validate_json(lines.readline()).failure is None
            assert int(fifo.read_text()) != killed.pid
        finally:
            killed.kill()
            # Its standard error, which the fit process has too, ends when both have.
            words = killed.communicate(timeout=60)[1]
        assert words == b""
