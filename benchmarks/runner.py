"""Runs units, one JSON line in, one JSON line out, in whichever virtual environment it is started.

    python -m benchmarks.runner < units.jsonl

Ends at the end of its input. An answer is a run, or {"error": …} with the traceback.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Mapping

from benchmarks.pairing import Accountable, audit
from benchmarks.parameters import Point
from benchmarks.problems import problem
from benchmarks.systems import create, version
from benchmarks.units import BUDGET, Run, Unit, run_of
from headway_workers.async_bo.simulator import System, durations, simulate


class Timed:
    """A system, and the processor time of its answers: neighbours on the machine disturb it less."""

    def __init__(self, system: System[Point]) -> None:
        self._system = system
        self.seconds = 0.0

    def ask(self, number: int, pending: Mapping[int, Point]) -> Point:
        began = time.process_time()
        point = self._system.ask(number, pending)
        self.seconds += time.process_time() - began
        return point

    def tell(self, number: int, point: Point, value: float) -> None:
        began = time.process_time()
        self._system.tell(number, point, value)
        self.seconds += time.process_time() - began


def run(unit: Unit, budget: int = BUDGET) -> Run:
    """Simulate a unit, and hold the system's own records against what was measured.

    Raises:
        Mispaired: where the system holds a value for another point than it was measured at.
    """
    setting = problem(unit.problem, unit.seed)
    times = durations(unit.law, unit.seed, budget)
    at = version(unit.system)
    with create(unit.system, setting, unit.seed) as system:
        timed = Timed(system)
        completions = simulate(timed, setting.observed_value, times, unit.workers)
        if isinstance(system, Accountable):
            audit(system, completions)
    return run_of(unit, at, completions, timed.seconds)


def main() -> None:
    """Answer until the input ends. What libraries print goes to the standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        try:
            answers.write(run(Unit(**json.loads(line))).to_json() + "\n")
        except Exception:  # noqa: BLE001 (a process top: the caller decides what a failed unit means)
            answers.write(json.dumps({"error": traceback.format_exc()}) + "\n")


if __name__ == "__main__":
    main()
