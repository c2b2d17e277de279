import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow

PNG = b"\x89PNG\r\n\x1a\n"


class Run:
    """A demo in a process of its own; what it prints goes to a file."""

    def __init__(self, directory: Path, *options: str) -> None:
        self._output = directory / f"output-{time.monotonic_ns()}"
        argv = [sys.executable, "-m", "headway", "demo"]
        with self._output.open("wb") as sink:
            self.process = subprocess.Popen(
                [*argv, "--directory", str(directory), *options], stdout=sink, stderr=subprocess.STDOUT
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def ended(self, returncode: int = 0) -> str:
        try:
            assert self.process.wait(150) == returncode, self.output
        finally:
            self.process.kill()
            self.process.wait()
        return self.output

    def url(self) -> str:
        while not (match := re.search(r"http://127\.0\.0\.1:\d+", self.output)):
            assert self.process.poll() is None, self.output
            time.sleep(0.02)
        return match[0]


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Tests that a shell runs in its background have SIGINT ignored, and would hand that down."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def released(database: Path) -> None:
    connection = sqlite3.connect(database)
    still_out = connection.execute("SELECT count(*) FROM trials WHERE state = 'leased'").fetchone()
    connection.close()
    assert still_out == (0,)


def ended(url: str, study: str) -> int:
    try:
        answer = httpx.get(f"{url}/v1/studies/{study}")
    except httpx.TransportError:
        return 0
    counts = answer.json().get("trials", {})
    return sum(counts.get(state, 0) for state in ("completed", "infeasible", "failed"))


@pytest.mark.long
def test_demo_runs_to_the_end_and_shows_the_result_again_at_once(tmp_path: Path):
    out = Run(tmp_path, "--budget", "6", "--workers", "2").ended()
    assert "6/6 trials" in out
    assert "best error" in out
    assert "\x1b" not in out
    figure = tmp_path / "digits-svm.png"
    assert str(figure) in out
    assert figure.read_bytes().startswith(PNG)

    figure.unlink()
    again = Run(tmp_path).ended()
    assert "complete already" in again
    assert figure.exists()


@pytest.mark.long
@pytest.mark.usefixtures("heard_interrupts")
def test_interrupted_demo_leaves_no_process_and_is_resumed(tmp_path: Path):
    run = Run(tmp_path, "--budget", "12", "--workers", "2")
    url = run.url()
    while ended(url, "digits-svm") < 2:
        time.sleep(0.02)
    run.process.send_signal(signal.SIGINT)
    assert "Run again to resume" in run.ended(130)
    released(tmp_path / "demo.db")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/healthz")

    out = Run(tmp_path, "--workers", "2").ended()
    assert "resuming digits-svm" in out
    assert "12/12 trials" in out


@pytest.mark.long
def test_another_budget_for_a_study_that_exists_is_refused_with_the_cure(tmp_path: Path):
    Run(tmp_path, "--budget", "2", "--workers", "1").ended()
    out = Run(tmp_path, "--budget", "3", "--workers", "1").ended(1)
    assert "--fresh" in out
    assert "Traceback" not in out


@pytest.mark.long
def test_killed_worker_is_restarted_and_its_trial_is_not_lost(tmp_path: Path):
    run = Run(tmp_path, "--budget", "16", "--workers", "2")
    url = run.url()
    while ended(url, "digits-svm") < 3:
        time.sleep(0.02)
    os.kill(int((tmp_path / "logs" / "worker-1.pid").read_text()), signal.SIGKILL)
    out = run.ended()
    assert "worker-1 was killed by SIGKILL" in out
    assert "16/16 trials" in out
