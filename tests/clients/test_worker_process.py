"""A worker in its own process, against a server on a socket."""

import os
import signal
import subprocess
import sys

import pytest

import headway

WORKER = """
import headway, sys, time
for trial in headway.Client().study(sys.argv[1]).trials():
    with trial:
        print("working", flush=True)
        while True:
            time.sleep(0.02)
"""

FORKING_WORKER = """
import headway, os, signal, sys, time
for trial in headway.Client().study(sys.argv[1]).trials():
    with trial:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, b"!")
            while True:
                time.sleep(0.02)
        os.read(reading, 1)
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        trial.finish(os.WTERMSIG(status))
"""


@pytest.fixture
def study(server_url, name, tmp_path):
    with headway.Client(server_url, spool_directory=tmp_path) as client:
        yield client.create_study(name, {"x": headway.Float(0, 1)}, budget=1)


def test_sigterm_releases_the_trial_before_the_process_ends(study, server_url):
    environment = os.environ | {"HEADWAY_URL": server_url}
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, study.name], env=environment, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout.readline() == b"working\n"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 143
    trial = study.trial(1)
    assert trial.state == "queued"
    assert trial.attempts[0].ended_by == "released"
    assert study.suggest()[0].attempt == 2


def test_forked_child_dies_of_sigterm_without_giving_its_parents_trial_back(study, server_url):
    subprocess.run(
        [sys.executable, "-c", FORKING_WORKER, study.name],
        env=os.environ | {"HEADWAY_URL": server_url},
        timeout=20,
        check=True,
    )
    trial = study.trial(1)
    assert (trial.state, trial.value) == ("completed", signal.SIGTERM)
    assert len(trial.attempts) == 1
