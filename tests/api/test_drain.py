"""A server that is told to stop says so, hands out no more, takes results, and ends by itself."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

pytestmark = pytest.mark.slow

STUDY = {"name": "s", "space": {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]}}


def start(tmp_path, until="readyz", **settings):
    """A server of its own, as soon as it answers there, and its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from headway_server.commands.server import serve; serve(['--port', '{port}'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {f"HEADWAY_{name.upper()}": str(value) for name, value in settings.items()},
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            if httpx.get(f"{url}/{until}").status_code == 200:
                return process, url
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"the server did not start: {process.communicate()[1]}")


def test_a_notice_a_last_result_and_an_end(tmp_path):
    process, url = start(tmp_path, drain_s=600, log_format="json")
    try:
        with httpx.Client(base_url=url) as http:
            http.post("/v1/studies", json=STUDY)
            trial = http.post("/v1/studies/s/trials:suggest", json={}).json()["trials"][0]
            process.send_signal(signal.SIGTERM)
            while (answer := http.get("/readyz")).status_code == 200:
                time.sleep(0.02)
            assert answer.json()["parts"] == {"database": True, "engine": True, "accepting": False}
            assert http.get("/healthz").status_code == 200
            refused = http.post("/v1/studies/s/trials:suggest", json={})
            assert (refused.status_code, refused.json()["code"]) == (503, "draining")
            assert refused.headers["retry-after"]
            body = {"lease_token": trial["lease"]["token"], "metrics": {"value": 1.0}}
            assert http.post("/v1/studies/s/trials/1:finish", json=body).status_code == 200
        process.send_signal(signal.SIGTERM)  # the second one skips the rest of the notice
        _, log = process.communicate(timeout=60)
    finally:
        process.kill()
    assert '"message": "told to stop: draining for 600 s"' in log
    assert "Traceback" not in log


def test_the_notice_ends_by_itself(tmp_path):
    process, _ = start(tmp_path, until="healthz", drain_s=0.3)  # the engine need not be there yet
    try:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "OPEN: no key has been made" in log
