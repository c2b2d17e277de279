"""The paper's statements, one by one, each with an effect, its interval and a verdict.

The paper's tables were not available to us: what is tested is what its abstract claims, on settings of our
choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.methods import PENALISING, PURPOSE_BUILT, STANDARD
from headway_workers.async_bo.problems import PRIOR_LENGTHSCALES
from headway_workers.async_bo.records import Record
from headway_workers.async_bo.setting import Setting, Updates
from headway_workers.contract import Claim, Verdict

RESAMPLES = 4_000
MARGIN = 0.1
"""A difference of the mean log10 regret below this is none: a quarter more or less of regret."""
REPEATED = 0.05
"""Likewise of the share of queries that repeat one in flight."""
FEW, MANY = 4, 16
"""Workers."""
PROBLEMS = ("gp2", "gp5", "noisy-gp5", "hartmann6")
SEEDS = 10
BUDGET = 80
OWN = ("ucb", "logei")
"""The methods that are run without intermediate updates too."""


def settings(seeds: int = SEEDS, problems: Sequence[str] = PROBLEMS, budget: int = BUDGET) -> list[Setting]:
    """All runs that the claims rest on, seed by seed; hyperparameters are known where there are any."""
    arms: list[tuple[str, Updates]] = [(method, "intermediate") for method in (*STANDARD, *PURPOSE_BUILT)]
    arms += [(method, "own") for method in OWN]
    return [
        Setting(
            problem,
            method,
            workers,
            seed,
            budget,
            updates=updates,
            known=problem.removeprefix("noisy-") in PRIOR_LENGTHSCALES,
        )
        for seed in range(seeds)
        for problem in problems
        for method, updates in arms
        for workers in (FEW, MANY)
    ]


@dataclass(frozen=True)
class Evidence:
    """One measure of every run, by arm: (seeds, problems)."""

    records: tuple[Record, ...]

    def of(self, measure: str, method: str, workers: int, updates: Updates = "intermediate") -> Array:
        """(seeds, problems), in order.

        Raises:
            ValueError: runs are missing.
        """
        found = {
            (one.setting.seed, one.setting.problem): one.measures[measure]
            for one in self.records
            if (one.setting.method, one.setting.workers, one.setting.updates) == (method, workers, updates)
        }
        seeds = sorted({seed for seed, _ in found})
        problems = sorted({problem for _, problem in found})
        if not found or len(found) != len(seeds) * len(problems):
            raise ValueError(f"{len(found)} runs of {method} with {workers} workers, {updates} updates")
        return np.array([[found[seed, problem] for problem in problems] for seed in seeds])

    def among(self, measure: str, methods: Iterable[str], workers: int) -> Array:
        """The mean over several methods: (seeds, problems)."""
        return np.asarray(np.mean([self.of(measure, method, workers) for method in methods], axis=0))

    def best(self, measure: str, methods: Sequence[str], workers: int) -> str:
        """The method whose mean is the smallest."""
        return min(methods, key=lambda method: float(self.of(measure, method, workers).mean()))


def claims(records: Iterable[Record]) -> Iterator[Claim]:
    """Every claim with its verdict."""
    seen = Evidence(tuple(records))
    regret = "mean_log_regret"
    others = seen.among(regret, PURPOSE_BUILT, MANY)
    for method in STANDARD:
        name = f"{method} is no worse than purpose-built methods on average, q = {MANY}: mean log10 regret"
        yield below(name, seen.of(regret, method, MANY) - others, MARGIN)
    best = seen.best(regret, PURPOSE_BUILT, MANY)
    name = f"ucb is no worse than the best of them, {best}, q = {MANY}: mean log10 regret"
    yield below(name, seen.of(regret, "ucb", MANY) - seen.of(regret, best, MANY), MARGIN)
    name = f"ucb with intermediate updates repeats points in flight no more than hallucinated-ucb, q = {MANY}"
    repeated = seen.of("redundancy", "ucb", MANY)
    yield below(name, repeated - seen.of("redundancy", "hallucinated-ucb", MANY), REPEATED)
    for method in OWN:
        without = seen.of("redundancy", method, MANY, "own") - seen.of("redundancy", method, MANY)
        yield above(f"{method} without intermediate updates repeats them more, q = {MANY}", without, 0.0)
        costs = seen.of(regret, method, MANY, "own") - seen.of(regret, method, MANY)
        yield above(f"and its mean log10 regret is larger: {method}, q = {MANY}", costs, 0.0)
    for method in PENALISING:
        away = seen.of("optimum_distance", method, MANY) - seen.of("optimum_distance", "ucb", MANY)
        yield above(f"{method} queries farther from the optimum than ucb, q = {MANY}", away, 0.0)
    few = seen.of(regret, "ucb", FEW) - seen.among(regret, PURPOSE_BUILT, FEW)
    many = seen.of(regret, "ucb", MANY) - others
    name = f"ucb gains on purpose-built methods from q = {FEW} to {MANY}: change of the difference"
    yield below(name, many - few, 0.0)


def below(name: str, differences: Array, threshold: float) -> Claim:
    """The claim that the mean of differences, (seeds, problems), lies below a threshold."""
    effect, low, high = interval(differences)
    verdict: Verdict = "inconclusive"
    if high < threshold:
        verdict = "supported"
    elif low > threshold:
        verdict = "not supported"
    return Claim(name, effect, low, high, f"< {threshold:g}", verdict)


def above(name: str, differences: Array, threshold: float) -> Claim:
    """The claim that it lies above."""
    effect, low, high = interval(differences)
    verdict: Verdict = "inconclusive"
    if low > threshold:
        verdict = "supported"
    elif high < threshold:
        verdict = "not supported"
    return Claim(name, effect, low, high, f"> {threshold:g}", verdict)


def interval(differences: Array) -> tuple[float, float, float]:
    """Mean and its 95 % percentile interval, by a bootstrap over seeds; problems stay as they are.

    One seed says nothing of how seeds vary: the interval is the whole line then.
    """
    of_seed = differences.mean(axis=1)
    if len(of_seed) < 2:
        return float(of_seed.mean()), -np.inf, np.inf
    draws = np.random.default_rng(0).integers(len(of_seed), size=(RESAMPLES, len(of_seed)))
    low, high = np.quantile(of_seed[draws].mean(axis=1), [0.025, 0.975])
    return float(of_seed.mean()), float(low), float(high)


def statements(found: Iterable[Claim]) -> str:
    """Claims as a table in Markdown."""
    lines = ["| claim | effect | 95 % interval | demanded | verdict |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.name} | {one.effect:.4g} | {one.low:.4g} to {one.high:.4g} | {one.demands} | {one.verdict} |"
        for one in found
    ]
    return "\n".join(lines)
