"""Regret curves into numbers: quartiles, area under the log curve, ranks, bootstrap intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from benchmarks.units import Run
from headway_workers.async_bo.functions import Array

FLOOR = 1e-6
"""Regrets below this count as this: the difference is of no use, and its logarithm would rule the rest."""
RESAMPLES = 2000


def final(run: Run) -> float:
    """log10 of the simple regret after the last evaluation."""
    return float(np.log10(max(run.regret[-1], FLOOR)))


def area(run: Run) -> float:
    """Mean over the evaluations of log10 of the simple regret so far: the area under the log curve."""
    return float(np.log10(np.maximum(run.regret, FLOOR)).mean())


@dataclass(frozen=True)
class Summary:
    """One system on one problem in one configuration, over seeds."""

    system: str
    problem: str
    workers: int
    law: str
    seeds: int
    lower: float
    median: float
    upper: float
    """Simple regret after the last evaluation: quartiles."""
    area: float
    """Median area under the curve of log10 regret."""
    incumbent: float | None
    """Median true regret of the best observed point, on noisy problems."""
    seconds: float | None
    """Median processor time of a run's asks and tells."""
    version: str


def summaries(runs: Iterable[Run]) -> list[Summary]:
    """By problem, configuration and system, in alphabetical order."""
    groups: dict[tuple[str, int, str, str], list[Run]] = defaultdict(list)
    for run in runs:
        unit = run.unit
        groups[unit.problem, unit.workers, unit.law, unit.system].append(run)
    rows = []
    for (problem, workers, law, system), group in sorted(groups.items()):
        lower, median, upper = np.percentile([run.regret[-1] for run in group], [25, 50, 75]).tolist()
        incumbents = [run.incumbent_regret[-1] for run in group if run.incumbent_regret is not None]
        seconds = [run.seconds for run in group if run.seconds is not None]
        rows.append(
            Summary(
                system,
                problem,
                workers,
                law,
                len(group),
                lower,
                median,
                upper,
                float(np.median([area(run) for run in group])),
                float(np.median(incumbents)) if incumbents else None,
                float(np.median(seconds)) if seconds else None,
                group[-1].version,
            )
        )
    return rows


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Rank:
    """Mean ranks of a system over problems, 1 the best: of its median final regret, of its median area."""

    system: str
    problems: int
    final: Estimate
    area: Estimate


def mean_ranks(runs: Iterable[Run], systems: Sequence[str]) -> list[Rank]:
    """The systems ranked against each other on every problem that all of them have run, best area first.

    Numbers of seeds may differ between systems: what is ranked is each system's median over its own seeds.
    Intervals resample the seeds of every system and problem.
    """
    finals: dict[tuple[str, str], list[float]] = defaultdict(list)
    areas: dict[tuple[str, str], list[float]] = defaultdict(list)
    for run in runs:
        finals[run.unit.problem, run.unit.system].append(final(run))
        areas[run.unit.problem, run.unit.system].append(area(run))
    names = sorted({name for name, _ in finals})
    problems = [name for name in names if all((name, system) in finals for system in systems)]
    if not problems:
        return []
    rng = np.random.default_rng(0)
    by_final = _rank_estimates(finals, problems, systems, rng)
    by_area = _rank_estimates(areas, problems, systems, rng)
    ranks = [Rank(system, len(problems), by_final[k], by_area[k]) for k, system in enumerate(systems)]
    return sorted(ranks, key=lambda rank: rank.area.mean)


def _rank_estimates(
    scores: Mapping[tuple[str, str], list[float]],
    problems: Sequence[str],
    systems: Sequence[str],
    rng: np.random.Generator,
) -> list[Estimate]:
    mean, draws = np.zeros(len(systems)), np.zeros((RESAMPLES, len(systems)))
    for problem in problems:
        columns = [np.array(scores[problem, system]) for system in systems]
        mean += rankdata([np.median(column) for column in columns])
        resampled = [
            np.median(column[rng.integers(len(column), size=(RESAMPLES, len(column)))], axis=1)
            for column in columns
        ]
        draws += rankdata(np.stack(resampled, axis=1), axis=1)
    return _estimates(mean / len(problems), draws / len(problems))


def _estimates(mean: Array, draws: Array) -> list[Estimate]:
    """Of means (s,) and resampled means (b, s)."""
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return [Estimate(*values) for values in zip(mean.tolist(), low.tolist(), high.tolist(), strict=True)]


@dataclass(frozen=True)
class Comparison:
    """One variant among others on the same problems and seeds."""

    system: str
    blocks: int
    """Pairs of problem and seed that every variant has run."""
    final_rank: Estimate
    area_rank: Estimate
    area_difference: Estimate
    """Area under log10 regret less the first variant's: −1 is a tenth of its regret all along."""


def paired(runs: Iterable[Run], systems: Sequence[str]) -> list[Comparison]:
    """The variants ranked within each (problem, seed); intervals resample the seeds of each problem.

    Raises:
        ValueError: where no problem and seed was run by all of them.
    """
    scores = {(run.unit.problem, run.unit.seed, run.unit.system): (final(run), area(run)) for run in runs}
    seeds: dict[str, list[int]] = defaultdict(list)
    for problem, seed in sorted({(problem, seed) for problem, seed, _ in scores}):
        if all((problem, seed, system) in scores for system in systems):
            seeds[problem].append(seed)
    if not seeds:
        raise ValueError(f"No problem and seed was run by all of {', '.join(systems)}.")
    rng = np.random.default_rng(0)
    means, draws = np.zeros((3, len(systems))), np.zeros((3, RESAMPLES, len(systems)))
    for problem, held in seeds.items():
        table = np.array([[scores[problem, seed, system] for system in systems] for seed in held])
        finals, areas = table[:, :, 0], table[:, :, 1]
        values = (rankdata(finals, axis=1), rankdata(areas, axis=1), areas - areas[:, :1])
        picked = rng.integers(len(held), size=(RESAMPLES, len(held)))
        for k, block in enumerate(values):
            means[k] += block.mean(axis=0) / len(seeds)
            draws[k] += block[picked].mean(axis=1) / len(seeds)
    blocks = sum(len(held) for held in seeds.values())
    columns = [_estimates(means[k], draws[k]) for k in range(3)]
    rows = [
        Comparison(system, blocks, *estimates) for system, *estimates in zip(systems, *columns, strict=True)
    ]
    return sorted(rows, key=lambda row: row.area_rank.mean)
