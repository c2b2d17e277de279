"""What a suggest and a finish cost over HTTP, beside the engine's share of it: milliseconds, one worker.

    python -m benchmarks.http_latency

Starts `headway serve` on a fresh SQLite file with its defaults, works on one study (six parameters) as a
single worker on one kept-alive connection, and prints medians with quartiles around three sizes.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import numpy as np

SIZES = (50, 100, 300)
WINDOW = 20
"""Medians are over this many requests before and after each size."""
DIMENSION = 6
RESULTS = Path(__file__).parent / "results" / "http_latency.json"


@dataclass(frozen=True)
class Cycle:
    """One suggest and its finish, milliseconds."""

    suggest_ms: float
    engine_ms: float
    finish_ms: float


def cycles(http: httpx.Client, count: int) -> list[Cycle]:
    """Work through `count` trials of a noisy bowl."""
    parameters = [{"name": f"x{k}", "type": "float", "low": 0, "high": 1} for k in range(DIMENSION)]
    http.post("/v1/studies", json={"name": "s", "space": {"parameters": parameters}}).raise_for_status()
    noise = np.random.default_rng(0)
    done = []
    for _ in range(count):
        began = time.perf_counter()
        (trial,) = http.post("/v1/studies/s/trials:suggest", json={}).raise_for_status().json()["trials"]
        suggested = time.perf_counter()
        value = sum((x - 0.3) ** 2 for x in trial["params"].values()) + noise.normal(0, 0.01)
        body = {"lease_token": trial["lease"]["token"], "metrics": {"value": value}}
        reporting = time.perf_counter()
        http.post(f"/v1/studies/s/trials/{trial['number']}:finish", json=body).raise_for_status()
        finished = time.perf_counter()
        done.append(
            Cycle(1e3 * (suggested - began), trial["origin"]["compute_ms"], 1e3 * (finished - reporting))
        )
    return done


def quartiles(values: list[float]) -> str:
    """Median and quartiles as text."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return f"{median:.1f} ({low:.1f} to {high:.1f})"


@contextmanager
def served() -> Iterator[httpx.Client]:
    """A connection to a fresh server on SQLite with its defaults."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "headway", "serve", "--port", str(port)]
        command += ["--database", f"sqlite:///{folder}/headway.db"]
        server = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
                _wait_until_ready(http)
                yield http
        finally:
            server.terminate()
            server.wait()


def main() -> None:
    """Run and print the table."""
    with served() as http:
        measured = cycles(http, max(SIZES) + WINDOW)
    print("| n | suggest, ms | of which the engine | the rest | finish, ms |")
    print("|---|---|---|---|---|")
    for n in SIZES:
        near = measured[n - WINDOW : n + WINDOW]
        suggest, engine = [c.suggest_ms for c in near], [c.engine_ms for c in near]
        rest = [a - b for a, b in zip(suggest, engine, strict=True)]
        finish = [c.finish_ms for c in near]
        print(f"| {n} | {' | '.join(quartiles(column) for column in (suggest, engine, rest, finish))} |")
    RESULTS.write_text(json.dumps([asdict(cycle) for cycle in measured], indent=1) + "\n")


def _wait_until_ready(http: httpx.Client) -> None:
    for _ in range(600):
        try:
            if http.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError("the server did not become ready within 30 s")


if __name__ == "__main__":
    main()
