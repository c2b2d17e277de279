"""The paper's statements on its own tasks: pest control, boosted trees, and on request a network.

    python -m headway_workers.async_bo.tasks [--tasks pest-control xgboost] [--seeds 10] [--jobs 1]

Stopped and started again, it goes on where it was. Prints Markdown: regret by method, then the statements.
Regret is in a task's own unit: of pest control, cost above the best that is known, of the others the error
itself; averaged over the results, as elsewhere, but no logarithm is taken, since a run may end at
the best that is known.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import click
import numpy as np

from headway_workers.async_bo.claims import MANY, OWN, above, below, interval, statements
from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.methods import PURPOSE_BUILT, STANDARD
from headway_workers.async_bo.problems import LONG_TASKS, TASKS
from headway_workers.async_bo.records import LOG, Record, all_recorded
from headway_workers.async_bo.setting import Setting, Updates
from headway_workers.contract import Claim

MARGINS: Mapping[str, float] = MappingProxyType(
    {
        "pest-control": 0.2,
        "xgboost": 0.002,
        "xgboost-uncapped": 0.002,
        "cnn-digits": 0.005,
        "cnn-cifar10": 0.005,
    }
)
"""A smaller difference of the mean regret is none: less than half the cheapest use of a pesticide, about one
patient of 569, two digits of 450.
"""
SEEDS = 10
BUDGET = 80
BASELINE = "random"
Arm = tuple[str, Updates]
ARMS: tuple[Arm, ...] = (
    *((method, "intermediate") for method in (BASELINE, *STANDARD, *PURPOSE_BUILT)),
    *((method, "own") for method in OWN),
)


def settings(task: str, seeds: int = SEEDS, budget: int = BUDGET) -> list[Setting]:
    """All runs that the statements on a task rest on, seed by seed, with 16 workers."""
    return [
        Setting(task, method, MANY, seed, budget, updates=updates)
        for seed in range(seeds)
        for method, updates in ARMS
    ]


@dataclass(frozen=True)
class Regrets:
    """Of one task, by method and updates, in order of the seeds: (seeds,) each."""

    mean: Mapping[Arm, Array]
    """Over the results, of the simple regret so far."""
    final: Mapping[Arm, Array]
    """At the end of the runs."""

    @classmethod
    def read(cls, records: Iterable[Record]) -> Regrets:
        """From all runs of the task.

        Raises:
            ValueError: some seed lacks a run of some arm.
        """
        found = {(one.setting.seed, one.setting.method, one.setting.updates): one.regret for one in records}
        seeds = sorted({seed for seed, _, _ in found})
        if not found or len(found) != len(seeds) * len(ARMS):
            raise ValueError(f"{len(found)} runs for {len(seeds)} seeds: {len(ARMS)} a seed are needed.")
        curves = {arm: [found[seed, *arm] for seed in seeds] for arm in ARMS}
        return cls(
            {arm: np.array([np.mean(curve) for curve in some]) for arm, some in curves.items()},
            {arm: np.array([curve[-1] for curve in some]) for arm, some in curves.items()},
        )


def claims(task: str, regrets: Regrets) -> Iterator[Claim]:
    """The statements on one task, each with its verdict."""
    margin = MARGINS[task]
    among = {method: regrets.mean[method, "intermediate"] for method in (*STANDARD, *PURPOSE_BUILT)}
    others = np.mean([among[method] for method in PURPOSE_BUILT], axis=0)
    for method in STANDARD:
        name = f"{task}: {method} is no worse than purpose-built methods on average"
        yield below(name, _column(among[method] - others), margin)
    best = min(PURPOSE_BUILT, key=lambda method: float(among[method].mean()))
    name = f"{task}: ucb is no worse than the best of them, {best}"
    yield below(name, _column(among["ucb"] - among[best]), margin)
    for method in OWN:
        name = f"{task}: without intermediate updates regret is larger, {method}"
        yield above(name, _column(regrets.mean[method, "own"] - among[method]), 0.0)


def table(regrets: Regrets) -> str:
    """Regret of one task by method, the least mean regret first, with 95 % intervals over seeds."""
    lines = ["| method | regret, mean over the results | regret at the end |", "|---|---|---|"]
    for method, updates in sorted(ARMS, key=lambda arm: float(regrets.mean[arm].mean())):
        name = f"`{method}`" + (", own results only" if updates == "own" else "")
        cells = (_with_interval(of[method, updates]) for of in (regrets.mean, regrets.final))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _column(values: Array) -> Array:
    return values[:, None]


def _with_interval(values: Array) -> str:
    effect, low, high = interval(_column(values))
    return f"{effect:.4g} ({low:.4g} to {high:.4g})"


def main() -> None:
    """Entry."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", nargs="+", choices=(*TASKS, *LONG_TASKS), default=TASKS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--log", type=Path, default=LOG)
    options = parser.parse_args()
    for task in options.tasks:
        wanted = settings(task, options.seeds, options.budget)
        records = []
        for done, record in all_recorded(wanted, options.jobs, options.log):
            records.append(record)
            click.echo(f"{done}/{len(wanted)} {task} {record.setting.method}", err=True)
        regrets = Regrets.read(records)
        click.echo(f"\n{table(regrets)}\n\n{statements(claims(task, regrets))}")


if __name__ == "__main__":
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # before a run imports numpy in its process
    main()
