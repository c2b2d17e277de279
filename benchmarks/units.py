"""One run of one system on one problem: the unit in which work is planned, resumed and kept."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from benchmarks.parameters import Point
from benchmarks.problems import problem
from headway_workers.async_bo.simulator import Completion

BUDGET = 100
"""Evaluations of a run."""


@dataclass(frozen=True)
class Unit:
    """What is run; equal units give equal results for equal versions."""

    system: str
    problem: str
    workers: int
    law: str
    seed: int


@dataclass(frozen=True)
class Run:
    """What came of a unit. Lists have one entry per completed evaluation, in the order of completion."""

    unit: Unit
    version: str
    regret: list[float]
    """Simple regret: the smallest true value so far, less the minimum."""
    incumbent_regret: list[float] | None
    """On noisy problems: of the point whose observed value is the smallest so far."""
    seconds: float | None
    """Processor time of the system's asks and tells; None where it was not measured."""

    def to_json(self) -> str:
        """One line."""
        flat = asdict(self.unit) | asdict(self)
        del flat["unit"]
        return json.dumps(flat)

    @classmethod
    def from_json(cls, line: str) -> Run:
        """The run that `to_json` wrote."""
        flat = json.loads(line)
        unit = Unit(**{field.name: flat.pop(field.name) for field in fields(Unit)})
        return cls(unit, **flat)


def run_of(unit: Unit, version: str, completions: list[Completion[Point]], seconds: float) -> Run:
    """Regret curves of a simulation. Regret is of the true value, also where what was observed is noisy."""
    setting = problem(unit.problem, unit.seed)
    true = np.array([setting.true_value(completion.point) for completion in completions])
    excess = np.maximum(true - setting.minimum, 0.0)
    incumbent = None
    if setting.noise_sd > 0:
        observed = np.array([completion.value for completion in completions])
        leaders = [int(observed[: k + 1].argmin()) for k in range(len(observed))]
        incumbent = _rounded(excess[leaders])
    return Run(unit, version, _rounded(np.minimum.accumulate(excess)), incumbent, round(seconds, 3))


def _rounded(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    return [float(f"{value:.7g}") for value in values.tolist()]


class Log:
    """Finished runs as JSON lines, appended one at a time, so that a killed comparison goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Run]:
        """Every run; a last line that a kill has torn is left out."""
        if not self.path.exists():
            return []
        runs = []
        for line in self.path.read_text().splitlines():
            try:
                runs.append(Run.from_json(line))
            except (json.JSONDecodeError, KeyError):
                print(f"{self.path}: left out a torn line: {line[:60]}…")
        return runs

    def append(self, run: Run) -> None:
        """Keep a run."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(run.to_json().encode() + b"\n")
