import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow

PNG = b"\x89PNG\r\n\x1a\n"


def demo(directory: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "headway", "demo", "--directory", str(directory), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=150)
    assert process.returncode == 0, out
    return out


def server_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        if match := re.search(r"http://127\.0\.0\.1:\d+", line):
            return match[0]
    raise AssertionError("The demo ended before its server stood.")


def ended(url: str, study: str) -> int:
    try:
        answer = httpx.get(f"{url}/v1/studies/{study}")
    except httpx.TransportError:
        return 0
    counts = answer.json().get("trials", {})
    return sum(counts.get(state, 0) for state in ("completed", "infeasible", "failed"))


def test_demo_runs_to_the_end_and_shows_the_result_again_at_once(tmp_path: Path):
    out = finished(demo(tmp_path, "--budget", "6", "--workers", "2"))
    assert "6/6 trials" in out
    assert "best error" in out
    assert "\x1b" not in out
    figure = tmp_path / "digits-svm.png"
    assert str(figure) in out
    assert figure.read_bytes().startswith(PNG)

    figure.unlink()
    again = finished(demo(tmp_path))
    assert "complete already" in again
    assert figure.exists()


def test_interrupted_demo_leaves_no_process_and_is_resumed(tmp_path: Path):
    process = demo(tmp_path, "--budget", "12", "--workers", "2")
    url = server_of(process)
    while ended(url, "digits-svm") < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130, out
    assert "Run again to resume" in out
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/healthz")

    out = finished(demo(tmp_path, "--workers", "2"))
    assert "resuming digits-svm" in out
    assert "12/12 trials" in out


def test_another_budget_for_a_study_that_exists_is_refused_with_the_cure(tmp_path: Path):
    finished(demo(tmp_path, "--budget", "2", "--workers", "1"))
    process = demo(tmp_path, "--budget", "3", "--workers", "1")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "--fresh" in out
    assert "Traceback" not in out


def test_killed_worker_is_restarted_and_its_trial_is_not_lost(tmp_path: Path):
    process = demo(tmp_path, "--budget", "16", "--workers", "2")
    url = server_of(process)
    while ended(url, "digits-svm") < 3:
        time.sleep(0.02)
    os.kill(pid_of("worker-1", url), signal.SIGKILL)
    out, _ = process.communicate(timeout=150)
    assert process.returncode == 0, out
    assert "worker-1 was killed by SIGKILL" in out
    assert "16/16 trials" in out


def pid_of(worker: str, url: str) -> int:
    wanted = f"{url} --worker-id {worker}"
    listing = subprocess.run(["ps", "-axo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    (pid,) = (int(line.split()[0]) for line in listing.splitlines() if line.rstrip().endswith(wanted))
    return pid
