"""Servers of the house, as a user starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection

from benchmarks.systems import ROOT


@contextmanager
def serving(url: str, count: int) -> Iterator[list[int]]:
    """So many servers on one database; their ports."""
    ports = [_free_port() for _ in range(count)]
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("clients", "app", "workers"))
    with ExitStack() as stack:
        for port in ports:
            command = [sys.executable, "-m", "headway", "serve", "--port", str(port), "--database", url]
            server = subprocess.Popen(
                command, env=os.environ | {"PYTHONPATH": paths}, stderr=subprocess.DEVNULL
            )
            stack.callback(server.wait)
            stack.callback(server.terminate)
        for port in ports:
            _wait_until_ready(port)
        yield ports


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            ready = connection.getresponse().status == 200
        except OSError:
            ready = False  # it does not listen yet
        finally:
            connection.close()
        if ready:
            return
        time.sleep(0.1)
    raise TimeoutError("the server did not become ready within 60 s")
