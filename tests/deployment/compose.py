"""Brings the project's own docker-compose.yml up: on this machine's Docker, or in the sandbox of a checkout.

The sandbox is a script with the verbs `up` and `down` that runs an engine in a network namespace, which has
no way out: HEADWAY_COMPOSE_SANDBOX, or `shared/tools/compose_sandbox.sh` beside the checkout.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = Path(
    os.environ.get("HEADWAY_COMPOSE_SANDBOX", ROOT.parent / "shared" / "tools" / "compose_sandbox.sh")
)
STATE = Path(os.environ.get("HEADWAY_COMPOSE_STATE", "/tmp/headway-compose"))
"""Where the sandbox keeps its images between runs; short, because a socket's path holds 107 bytes."""
NAMESPACE = STATE.name
PORT = "18765"
UP_S = 1800


class Compose:
    """The deployment that is up.

    Args:
        environment: for every command, so that it reaches the engine.
        prefix: put before commands that are to reach published ports.
    """

    def __init__(self, environment: dict[str, str], prefix: tuple[str, ...]) -> None:
        self._environment = environment
        self.prefix = prefix
        self.url = f"http://127.0.0.1:{PORT}"

    def docker(self, *arguments: str) -> str:
        """The output of a `docker` command; fails the test with what it printed where it fails."""
        done = subprocess.run(
            ["docker", *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=UP_S,
        )
        if done.returncode != 0:
            pytest.fail(f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def containers(self, service: str) -> list[str]:
        """Ids of a service's containers."""
        return self.docker("compose", "ps", "--quiet", service).split()

    def facts(self, container: str) -> dict[str, Any]:
        """What the engine says of a container."""
        (facts,) = json.loads(self.docker("inspect", container))
        return dict(facts)

    def kill(self, container: str) -> None:
        """End a container's main process with −9: `docker kill` would keep it from being started again."""
        os.kill(int(self.facts(container)["State"]["Pid"]), signal.SIGKILL)

    def secret(self, name: str) -> str:
        """A file of the servers' volume of secrets."""
        shown = self.docker("compose", "exec", "-T", "server", "cat", f"/run/headway/secrets/{name}")
        return shown.strip()

    def curl(self, path: str, *options: str) -> str:
        """The answer's body, or what `options` print instead."""
        command = [*self.prefix, "curl", "--silent", "--max-time", "20", *options, f"{self.url}{path}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def deployment() -> Iterator[Compose]:
    """The compose file, up and healthy; it goes with its volumes when the block ends."""
    settings = os.environ | {
        "COMPOSE_PROJECT_NAME": "headway-test",
        "COMPOSE_PROGRESS": "plain",
        "HEADWAY_PORT": PORT,
    }
    if _docker_answers(settings):
        compose = Compose(settings, ())
        compose.docker("compose", "build", "--quiet")
        try:
            compose.docker("compose", "up", "--detach", "--wait", "--wait-timeout", "300")
            yield compose
        finally:
            compose.docker("compose", "down", "--volumes", "--timeout", "5")
        return
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("no Docker engine answers, and only root on Linux can start one in a sandbox")
    if not SANDBOX.is_file():
        pytest.skip("no Docker engine answers, and HEADWAY_COMPOSE_SANDBOX names no script to start one")
    settings |= {
        "NS": NAMESPACE,
        "D": str(STATE),
        "PROJ": str(ROOT),
        "DOCKER_HOST": f"unix://{STATE}/docker.sock",
        "DOCKER_CONFIG": str(STATE / "cli"),
        "WHEELS": f"--constraint {STATE}/constraints.txt --requirement {STATE}/wheels.txt",
    }
    try:
        _renew(_wheels(), settings)
        problem = _sandbox("up", settings)
        if problem and not _docker_answers(settings):
            pytest.skip(f"no Docker engine could be started here: {problem[-300:]}")
        if problem:
            pytest.fail(problem[-8000:])
        yield Compose(settings, ("nsenter", f"--net=/run/netns/{NAMESPACE}"))
    finally:
        _sandbox("down", settings)


def _docker_answers(environment: dict[str, str]) -> bool:
    if shutil.which("docker") is None:
        return False
    probes = ["docker", "compose", "version"], ["docker", "info"]
    return all(
        subprocess.run(probe, env=environment, capture_output=True, check=False).returncode == 0
        for probe in probes
    )


def _sandbox(verb: str, settings: dict[str, str]) -> str:
    """What it printed where it failed, or nothing."""
    done = subprocess.run(
        ["bash", str(SANDBOX), verb],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=UP_S,
    )
    return done.stdout if done.returncode != 0 else ""


def _wheels() -> str:
    """What `pip download` is to put into the sandbox's images, in place of an index."""
    listing = [sys.executable, "deploy/requirements.py", "server", "otel", "workers"]
    packages = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    build = (ROOT / "pyproject.toml").read_text().split('requires = ["')[1].split('"')[0]
    torch = subprocess.run(
        [sys.executable, "-c", "import importlib.metadata as m; print(m.version('torch'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return f"torch=={torch}\n{build}\n{packages}"


def _renew(wheels: str, settings: dict[str, str]) -> None:
    """Leave in the state's folder what to fetch, and nothing that was made of other packages.

    The sandbox keeps its images, wheels inside them, for as long as they exist.
    """
    wanted, constraints = STATE / "wheels.txt", STATE / "constraints.txt"
    pinned = (ROOT / "constraints.txt").read_text()
    if wanted.is_file() and (wanted.read_text(), constraints.read_text()) == (wheels, pinned):
        return
    if STATE.exists():
        _sandbox("down", settings)
        shutil.rmtree(STATE)
    STATE.mkdir()
    constraints.write_text(pinned)
    wanted.write_text(wheels)
