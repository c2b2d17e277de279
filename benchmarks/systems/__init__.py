"""What is compared, by name; each adapter imports its library only when it is asked for.

`headway/STRATEGY` or `headway/STRATEGY:SETTINGS` (see `systems.headway`), `random`, and the peers.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Literal

from benchmarks.parameters import Point
from benchmarks.problems import Problem
from headway_workers.async_bo.simulator import System

ROOT = Path(__file__).resolve().parents[2]
Environment = Literal["headway", "optuna", "botorch", "ax"]
PEERS: dict[str, Environment] = {
    "optuna-tpe": "optuna",
    "optuna-gp": "optuna",
    "botorch-qlognei": "botorch",
    "ax": "ax",
}


def environment(name: str) -> Environment:
    """Which virtual environment a system runs in."""
    return PEERS.get(name, "headway")


def python(of: Environment) -> Path:
    """That environment's interpreter; headway's is the one that runs this."""
    if of == "headway":
        return Path(sys.executable)
    return ROOT / "benchmarks" / ".venvs" / of / "bin" / "python"


def version(name: str) -> str:
    """What a result depends on: the pinned release of a peer, or a digest of the engine's source."""
    if name in PEERS:
        pins = (ROOT / "benchmarks" / "requirements" / f"{PEERS[name]}.txt").read_text().splitlines()
        return next(line for line in pins if line and not line.startswith("#"))
    if name == "random":
        return "1"
    return f"engine {_engine_digest()}"


@cache
def _engine_digest() -> str:
    """As it is when a process first asks, which is when it loads the engine."""
    digest = hashlib.sha256()
    for source in sorted((ROOT / "app" / "headway_server" / "engine").rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def create(name: str, problem: Problem, seed: int) -> AbstractContextManager[System[Point]]:
    """A fresh system for one run.

    Raises:
        ValueError: where no system has that name.
    """
    if name.startswith("headway/"):
        from benchmarks.systems.headway import headway

        return headway(name.removeprefix("headway/"), problem, seed)
    if name == "random":
        from benchmarks.systems.random import Random

        return nullcontext(Random(problem, seed))
    if name in ("optuna-tpe", "optuna-gp"):
        from benchmarks.systems.optuna import Optuna

        return nullcontext(Optuna(name, problem, seed))
    if name == "botorch-qlognei":
        from benchmarks.systems.botorch import LogNEI

        return nullcontext(LogNEI(problem, seed))
    if name == "ax":
        from benchmarks.systems.ax import Ax

        return nullcontext(Ax(problem, seed))
    raise ValueError(
        f"There is no system {name!r}: use headway/STRATEGY, random or one of {', '.join(PEERS)}."
    )
