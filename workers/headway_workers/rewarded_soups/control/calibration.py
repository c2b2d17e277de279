"""Soup against MORL on the cheetah, and soups of strangers, at a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headway_workers.rewarded_soups.connectivity import Margins, margins
from headway_workers.rewarded_soups.control.cheetah import CAUTIOUS, PRETRAINING, RISKY, Array, episodes
from headway_workers.rewarded_soups.control.training import Training, trained
from headway_workers.rewarded_soups.fronts import Interval, hypervolume_ratio_interval
from headway_workers.rewarded_soups.interpolation import State, segment, soup

BELOW = 0.1
"""From the worst of start and ends down to the reference point, in reward per step."""
APART = 1_000
"""Added to a seed where other random numbers are wanted."""


@dataclass(frozen=True)
class Budget:
    """What a calibration may cost."""

    pretraining: int = 150_000
    """Steps of the environment, as the next."""
    fine_tuning: int = 60_000
    episodes: int = 40
    """For each policy that is evaluated."""
    soups: int = 9
    """On the segment, ends included; MORL's prices are weights of some of them."""
    prices: tuple[float, ...] = (0.25, 0.5, 0.75)
    """MORL's further runs: μ × cautious + (1 − μ) × risky is the price α = μ."""


@dataclass(frozen=True)
class Calibration:
    """Rewards (risky, cautious) per step, by episode; margins along two segments."""

    budget: Budget
    seed: int
    start: Array
    """(episodes, 2), as each policy of the next two."""
    soups: Array
    """(soups, episodes, 2), from the risky end to the cautious one."""
    morl: Array
    """(2 + prices, episodes, 2): the ends, then the runs between."""
    margins: Margins
    strangers: Margins
    """Of soups of two policies that were pretrained apart; at seven places."""
    reference: Array
    """(2,), from other episodes than those above."""

    def ratio(self, soups: Array) -> Interval:
        """HV(soups)/HV(MORL) above the reference."""
        rng = np.random.default_rng(self.seed)
        return hypervolume_ratio_interval(soups, self.morl, self.reference, rng)

    def summary(self) -> dict[str, Any]:
        """Means, margins and ratios, as JSON can hold them."""
        ratio = self.ratio(self.soups)
        weights = np.array(segment(self.budget.soups))[:, 1]
        as_many = self.ratio(self.soups[np.isin(weights, (RISKY, CAUTIOUS, *self.budget.prices))])
        gains = self.morl[:2] - self.start
        own = np.stack([gains[0, :, 0], gains[1, :, 1]])
        return {
            "budget": asdict(self.budget),
            "seed": self.seed,
            "start": _rounded(self.start.mean(axis=0)),
            "soups": _rounded(self.soups.mean(axis=1)),
            "morl": _rounded(self.morl.mean(axis=1)),
            "own_gain": _rounded(own.mean(axis=1)),
            "own_gain_in_errors": _rounded(_in_errors(own)),
            "margins": _of(self.margins),
            "strangers": _of(self.strangers),
            "reference": _rounded(self.reference),
            "hypervolume_ratio": _rounded(np.array([ratio.value, ratio.low, ratio.high])),
            "hypervolume_ratio_of_as_many": _rounded(np.array([as_many.value, as_many.low, as_many.high])),
            "runs": {"soup": 2, "morl": len(self.morl)},
        }


def calibrate(
    budget: Budget, seed: int, cache: Path | None = None, say: Callable[[str], None] = lambda _: None
) -> Calibration:
    """Train what is not in the cache, and evaluate."""
    start = Training(PRETRAINING, budget.pretraining, seed)
    stranger = Training(PRETRAINING, budget.pretraining, seed + APART)
    runs = [Training(price, budget.fine_tuning, seed, start) for price in (RISKY, CAUTIOUS, *budget.prices)]
    states: dict[Training, State] = {}
    for i, run in enumerate((start, stranger, *runs)):
        say(f"policy {i + 1} of {len(runs) + 2}: α = {run.alpha:g}, {run.steps} steps")
        states[run] = trained(run, cache)
    say("evaluating")
    seeds = range(seed * APART, seed * APART + budget.episodes)
    others = range(seed * APART + APART // 2, seed * APART + APART // 2 + budget.episodes)

    def along(ends: list[State], count: int) -> tuple[Array, Margins]:
        weights = np.array(segment(count))
        found = np.stack([episodes(soup(ends, one), seeds) for one in weights.tolist()])
        rng = np.random.default_rng(seed)
        return found, margins(found[1:-1], found[[0, -1]], weights[1:-1], rng)

    ends = [states[run] for run in runs[:2]]
    soups, connected = along(ends, budget.soups)
    _, apart = along([states[start], states[stranger]], 9)
    worst = np.stack([episodes(one, others).mean(axis=0) for one in (states[start], *ends)]).min(axis=0)
    between = [episodes(states[run], seeds) for run in runs[2:]]
    return Calibration(
        budget,
        seed,
        episodes(states[start], seeds),
        soups,
        np.stack([soups[0], soups[-1], *between]),
        connected,
        apart,
        worst - BELOW,
    )


def _of(found: Margins) -> dict[str, Any]:
    return {
        "weights": _rounded(found.weights[:, 1]),
        "mean": _rounded(found.mean),
        "standard_error": _rounded(found.standard_error),
        "low": _rounded(found.low),
        "high": _rounded(found.high),
        "smallest_in_errors": round(found.smallest_in_errors, 2),
    }


def _in_errors(gains: Array) -> Array:
    return np.asarray(gains.mean(axis=1) / (gains.std(axis=1, ddof=1) / gains.shape[1] ** 0.5))


def _rounded(numbers: Array) -> Any:
    return np.round(numbers, 4).tolist()
