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


@pytest.mark.slow
def test_study_ends_with_its_full_budget_and_no_observation_lost_or_twice(tmp_path: Path):
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "headway.cli.main", "demo"),
            *("--directory", str(tmp_path), "--budget", str(BUDGET), "--workers", "3"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    url = next(m[0] for line in process.stdout if (m := re.search(r"http://127\.0\.0\.1:\d+", line)))
    before = completed_at_least(url, 4)
    os.kill(server_pid(url), signal.SIGKILL)
    out, _ = process.communicate(timeout=200)

    assert process.returncode == 0, out
    assert "server was killed by SIGKILL" in out
    database = sqlite3.connect(tmp_path / "demo.db")
    rows = database.execute(
        "SELECT number, value FROM observations JOIN trials ON trials.id = trial_id"
    ).fetchall()
    database.close()
    assert sorted(number for number, _ in rows) == list(range(1, BUDGET + 1))
    assert before.items() <= dict(rows).items()


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


def server_pid(url: str) -> int:
    port = url.rpartition(":")[2]
    listing = subprocess.run(["ps", "-axo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    (pid,) = (
        int(line.split()[0])
        for line in listing.splitlines()
        if " serve " in line and f"--port {port} " in line and "tether" in line
    )
    return pid
