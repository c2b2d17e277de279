"""Three servers on one PostgreSQL, a crowd of unreliable clients behind spoiling proxies, and a killer.

HEADWAY_FAULT_TRIALS: how many trials; `make test-faults TRIALS=5000` is the whole of it.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from headway import Client, Float, Policy
from headway_server.storage.database import Database
from headway_server.storage.schema import migrate
from tests.faults.proxy import FaultProxy, Faults
from tests.faults.verdict import acknowledged, assert_nothing_lost
from tests.postgres import PostgresServer

TRIALS = int(os.environ.get("HEADWAY_FAULT_TRIALS", "300"))
SERVERS, CROWDS, CLIENTS = 3, 4, 64
A_DAY = 86_400.0
VICTIMS = ("server", "engine", "crowd", "database")
EVERY_S, EVERY = 5.0, max(1, TRIALS // 9)
"""A kill follows after as many seconds or acknowledged results: a fast machine is not spared."""

PEACE = TRIALS - EVERY
"""From so many on nobody is killed: whatever was dropped has to lapse first."""

ENDS_WITHIN_S = 400 + 0.15 * TRIALS


class Process:
    """A child that is started again after a kill."""

    def __init__(self, argv, log):
        self._argv, self._log = argv, log
        self.start()

    def start(self):
        with self._log.open("ab") as sink:
            self.child = subprocess.Popen(self._argv, stdout=sink, stderr=sink)

    def kill(self):
        self.child.kill()
        self.child.wait()


def engine_host_of(pid):
    """The server's child that computes, or None where it has just been killed."""
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listing.read_text().split():
            command = Path(f"/proc/{child}/cmdline")
            if command.exists() and b"headway_server.services.engine_host" in command.read_bytes():
                return int(child)
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(port):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the server did not come up")


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the engine's process in /proc")
def test_nothing_is_lost_whatever_is_killed(tmp_path):
    draw = random.Random(1)
    with ExitStack() as stack:
        postgres = PostgresServer()
        stack.callback(postgres.throw_away)
        postgres.start()
        database = Database(postgres.url)
        migrate(database)
        database.dispose()

        ports = [free_port() for _ in range(SERVERS)]
        servers = []
        for port in ports:
            argv = [sys.executable, "-m", "headway", "serve", "--port", str(port), "--database", postgres.url]
            servers.append(Process(argv, tmp_path / f"server-{port}.log"))
            stack.callback(servers[-1].kill)
        for port in ports:
            wait_until_ready(port)
        proxies = [stack.enter_context(FaultProxy(port, Faults(), seed)) for seed, port in enumerate(ports)]

        name, url = "faults", f"http://127.0.0.1:{ports[0]}"
        client = stack.enter_context(Client(url, patience_s=60, spool_directory=tmp_path / "spool"))
        study = client.create_study(
            name,
            {"x": Float(0, 1)},
            budget=TRIALS,
            strategy="sobol",
            policy=Policy(lease_s=8, first_heartbeat_grace_s=0, max_retries=100),
        )
        log = tmp_path / "acknowledged"
        crowds = []
        for index in range(CROWDS):
            argv = [sys.executable, "-m", "tests.faults.crowd"]
            argv += [
                f"http://127.0.0.1:{proxies[index % SERVERS].port}",
                name,
                str(log),
                "--seed",
                str(index),
            ]
            argv += ["--threads", str(CLIENTS // CROWDS), "--clock-off", str((index - 1.5) * A_DAY)]
            crowds.append(Process(argv, tmp_path / f"crowd-{index}.log"))
            stack.callback(crowds[-1].kill)

        killed: Counter[str] = Counter()
        last_kill = time.monotonic()
        deadline, due = last_kill + ENDS_WITHIN_S, EVERY
        while any(crowd.child.poll() is None for crowd in crowds):
            assert time.monotonic() < deadline, (killed, study.view().trials)
            time.sleep(0.2)
            known = len(acknowledged(log))
            if known >= PEACE or (known < due and time.monotonic() < last_kill + EVERY_S):
                continue
            victim = VICTIMS[sum(killed.values()) % len(VICTIMS)]
            if victim == "server":
                server = draw.choice(servers)
                server.kill()
                server.start()
            elif victim == "engine":
                if (host := engine_host_of(draw.choice(servers).child.pid)) is None:
                    continue
                os.kill(host, signal.SIGKILL)
            elif victim == "crowd":
                crowd = draw.choice(crowds)
                crowd.kill()
                crowd.start()
            else:
                postgres.kill()
                postgres.start()
            killed[victim] += 1
            last_kill, due = time.monotonic(), known + EVERY
        assert [crowd.child.returncode for crowd in crowds] == [0] * CROWDS, logs(tmp_path)
        assert set(killed) == set(VICTIMS)
        assert all(proxy.spoilt for proxy in proxies)
        wait_until_ready(ports[0])
        assert_nothing_lost(study, TRIALS, log)


def logs(folder):
    """The end of what every process said."""
    return "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(folder.glob("*.log")))
