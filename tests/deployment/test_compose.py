"""The compose file as a user runs it, and what it survives."""

import json
import os
import random
import subprocess
import sys
import time

import pytest

from headway.wire.study import StudyDefinition
from tests.deployment.compose import ROOT, deployment

pytestmark = [pytest.mark.compose, pytest.mark.slow]

BUDGET, WORKERS = 300, 16
ENDS_WITHIN_S = 400


@pytest.fixture(scope="module")
def compose():
    with deployment() as compose:
        yield compose


def run(compose, *arguments, **named):
    """A module of the tests as a process that reaches the deployment."""
    environment = os.environ | {"HEADWAY_API_KEY": compose.secret("admin.key"), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*compose.prefix, sys.executable, "-m", *arguments], env=environment, **named)


def until(condition, within_s=120.0):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_everything_is_healthy_and_nobody_gets_in_without_a_key(compose):
    states = {
        service: [compose.facts(one)["State"]["Health"]["Status"] for one in compose.containers(service)]
        for service in ("postgres", "server", "proxy")
    }
    assert states == {"postgres": ["healthy"], "server": ["healthy"] * 2, "proxy": ["healthy"]}
    assert json.loads(compose.curl("/readyz"))["status"] == "ready"
    status = ("--output", os.devnull, "--write-out", "%{http_code}")
    assert compose.curl("/v1/studies", *status) == "401"
    assert compose.curl("/metrics", *status) == "404"
    key = ("--header", f"Authorization: Bearer {compose.secret('admin.key')}")
    assert compose.curl("/v1/studies", *status, *key) == "200"


def test_server_is_nobody_and_can_write_nowhere(compose):
    for container in compose.containers("server"):
        host = compose.facts(container)["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Memory"] > 0
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert compose.docker("compose", "exec", "-T", "server", "id", "-u").strip() == "10001"


def test_no_password_stands_in_an_environment_or_a_command_line(compose):
    password = compose.secret("postgres.password")
    assert len(password) > 30
    for container in [one for name in ("server", "proxy", "postgres") for one in compose.containers(name)]:
        assert password not in json.dumps(compose.facts(container))
    listing = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null"
    assert password not in compose.docker("compose", "exec", "-T", "server", "sh", "-c", f"{listing} || true")


def test_server_image_has_no_workers_dependencies(compose):
    absent = "import importlib.util as u; print([n for n in ('skimage', 'matplotlib') if u.find_spec(n)])"
    assert compose.docker("compose", "exec", "-T", "server", "python", "-c", absent).strip() == "[]"


def test_workers_of_the_file_work(compose):
    def completed():
        key = ("--header", f"Authorization: Bearer {compose.secret('admin.key')}")
        answer = json.loads(compose.curl("/v1/studies/digits-svm", *key))
        return answer.get("trials", {}).get("completed", 0) >= 3

    until(completed)


def test_nothing_is_lost_whatever_is_killed(compose, tmp_path):
    log = tmp_path / "acknowledged"
    definition = StudyDefinition.model_validate(
        {
            "name": "faults",
            "space": {"parameters": [{"type": "float", "name": "x", "low": 0, "high": 1}]},
            "budget": BUDGET,
            "policy": {"lease_s": 5, "first_heartbeat_grace_s": 0, "max_retries": 50},
        }
    )
    key = ("--header", f"Authorization: Bearer {compose.secret('admin.key')}")
    body = ("--header", "Content-Type: application/json", "--data", definition.model_dump_json())
    assert json.loads(compose.curl("/v1/studies", *key, *body))["name"] == "faults"
    draw = random.Random(4)
    crowd = run(compose, "tests.faults.crowd", compose.url, "faults", str(log), "--threads", str(WORKERS))
    try:
        deadline = time.monotonic() + ENDS_WITHIN_S
        killed = []
        while crowd.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(draw.uniform(3, 6))
            service = ("server", "postgres", "proxy", "server")[len(killed) % 4]
            running = [
                one
                for one in compose.containers(service)
                if compose.facts(one)["State"]["Status"] == "running"
            ]
            if running and len(killed) < 12:
                compose.kill(draw.choice(running))
                killed.append(service)
        assert crowd.returncode == 0
    finally:
        crowd.kill()
        crowd.wait()
    assert set(killed) == {"server", "postgres", "proxy"}
    judge = run(compose, "tests.faults.verdict", compose.url, "faults", str(BUDGET), str(log))
    assert judge.wait(120) == 0
