"""The demo's server is killed with kill -9 in the middle of a study."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

BUDGET = 16


@pytest.mark.long
def test_study_ends_with_its_full_budget_and_no_observation_lost_or_twice(tmp_path: Path):
    output = tmp_path / "output"
    argv = [sys.executable, "-m", "headway", "demo", "--directory", str(tmp_path)]
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [*argv, "--budget", str(BUDGET), "--workers", "3"], stdout=sink, stderr=subprocess.STDOUT
        )
    url = server_url(output)
    before = completed_at_least(url, 4)
    os.kill(int((tmp_path / "logs" / "server.pid").read_text()), signal.SIGKILL)
    returncode, out = process.wait(200), output.read_text()

    assert returncode == 0, out
    assert "server was killed by SIGKILL" in out
    database = sqlite3.connect(tmp_path / "demo.db")
    rows = database.execute(
        "SELECT number, value FROM observations JOIN trials ON trials.id = trial_id"
    ).fetchall()
    database.close()
    assert sorted(number for number, _ in rows) == list(range(1, BUDGET + 1))
    assert before.items() <= dict(rows).items()


def server_url(output: Path) -> str:
    deadline = time.monotonic() + 60
    while not (match := re.search(r"http://127\.0\.0\.1:\d+", output.read_text())):
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.02)
    return match[0]


def completed_at_least(url: str, count: int) -> dict[int, float]:
    """Number → value of the completed trials, once there are so many."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = httpx.get(f"{url}/v1/studies/digits-svm/trials", params={"state": "completed"})
        if answer.is_success:
            values = {trial["number"]: trial["value"] for trial in answer.json()["trials"]}
            if len(values) >= count:
                return values
        time.sleep(0.02)
    raise AssertionError("The study did not get under way.")
