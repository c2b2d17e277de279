"""The process for large fits: killed, it costs one task; it never outlives its parent."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from headway_server.engine import FitTask
from headway_server.services.fit_process import NICENESS, FitProcess, TaskFailed
from tests.services.tasks import Broken, Doubled, ForEver, Surroundings


@pytest.fixture(scope="module")
def process():
    """One for the tests that leave it in order: a child takes seconds to start."""
    process = FitProcess()
    yield process
    process.close()


@pytest.fixture
def own_process():
    process = FitProcess()
    yield process
    process.close()


@pytest.fixture
def fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_results_come_back_whole_from_one_child(process):
    array = np.asfortranarray(np.random.default_rng(0).random((700, 300)))
    doubled = process.run(Doubled(array))
    child = process.process_id
    assert (doubled == 2 * array).all()
    assert doubled.flags.f_contiguous
    assert process.run(Doubled(np.zeros(0))).shape == (0,)
    assert process.process_id == child != os.getpid()


def test_the_child_steps_back_and_imports_neither_torch_nor_the_database(process):
    rows = np.random.default_rng(0).random((20, 2))
    task = FitTask(rows, rows.sum(axis=1), np.zeros(20), np.arange(2), np.zeros(2, dtype=bool))
    here, there = task.run(), process.run(task)
    assert there == here.model_copy(update={"fit_s": there.fit_s})
    niceness, modules = process.run(Surroundings())
    assert niceness == min(19, os.nice(0) + NICENESS)
    assert "headway_server.engine.fits.task" in modules
    assert not {"torch", "sqlalchemy", "headway_server.storage"} & set(modules)


def test_a_task_that_raises_fails_with_its_words_and_leaves_the_child_alive(process):
    with pytest.raises(TaskFailed, match="ValueError: bad luck"):
        process.run(Broken())
    child = process.process_id
    assert process.run(Doubled(np.ones(1))) == 2
    assert process.process_id == child


def test_a_child_killed_over_a_task_fails_that_task_only(own_process, fifo):
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(own_process.run, ForEver(str(fifo)))
        first = int(fifo.read_text())
        assert own_process.process_id == first
        os.kill(first, signal.SIGKILL)
        with pytest.raises(TaskFailed, match="killed by SIGKILL"):
            running.result()
    assert own_process.run(Doubled(np.ones(1))) == 2
    assert own_process.process_id != first


def test_a_child_that_died_between_two_tasks_is_replaced(own_process):
    own_process.run(Doubled(np.ones(1)))
    first = own_process.process_id
    os.kill(first, signal.SIGKILL)
    own_process._process.wait()
    assert own_process.run(Doubled(np.ones(1))) == 2
    assert own_process.process_id != first


def test_closing_ends_the_child_in_the_middle_of_a_task(own_process, fifo):
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(own_process.run, ForEver(str(fifo)))
        child = int(fifo.read_text())
        own_process.close()
        with pytest.raises(TaskFailed):
            running.result()
    with pytest.raises(TaskFailed, match="ending"):
        own_process.run(Doubled(np.ones(1)))
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_child_does_not_outlive_a_killed_parent(fifo):
    script = (
        "import sys; from headway_server.services.fit_process import FitProcess;"
        "from tests.services.tasks import ForEver; FitProcess().run(ForEver(sys.argv[1]))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(fifo)], stderr=subprocess.PIPE)
    child = int(fifo.read_text())
    assert child != parent.pid
    parent.kill()
    # Its standard error, which the child has too, ends when both have.
    assert parent.communicate(timeout=60)[1] == b""
