"""A soup beside multi-objective fine-tunes (MORL) of the same recipe and steps a run.

    python -m headway_workers.rewarded_soups.text.comparison --pair haha-sentiment --steps 150 --seeds 3

MORL fine-tunes one policy for each preference μ, on μ R₁ + (1 − μ) R₂. Its runs at μ = 1 and 0 are the ends
of the soup, and are made once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from headway_workers.contract import Check, Claim
from headway_workers.rewarded_soups.connectivity import Margins, margins
from headway_workers.rewarded_soups.fronts import Interval, hypervolume_ratio_interval
from headway_workers.rewarded_soups.interpolation import segment
from headway_workers.rewarded_soups.text.evaluation import TEMPERATURE, Scores, along, scored, scores
from headway_workers.rewarded_soups.text.fine_tunes import fine_tuned, fingerprint
from headway_workers.rewarded_soups.text.pairs import PAIRS, Pair
from headway_workers.rewarded_soups.text.policy import policy_of, pretrained
from headway_workers.rewarded_soups.text.reading import Mixed
from headway_workers.rewarded_soups.text.reinforce import Recipe

POLICIES = 5
"""Soups on the segment, its ends among them."""
MIXED = (0.25, 0.5, 0.75)
"""Preferences of MORL's runs beside the ends."""


@dataclass(frozen=True)
class Plan:
    """What is compared, and at what expense."""

    pair: str
    recipe: Recipe
    steps: int
    texts: int
    seed: int = 0
    device: str = "cpu"

    @property
    def rewards(self) -> Pair:
        """The two."""
        return PAIRS[self.pair]

    def runs(self, preferences: tuple[float, ...]) -> int:
        """How many different fine-tunes these preferences take."""
        tasks = (self.rewards.task(one, self.recipe, self.seed) for one in preferences)
        return len({fingerprint(task, self.device) for task in tasks})


@dataclass(frozen=True)
class Comparison:
    """Texts of all policies, written with the same random numbers."""

    plan: Plan
    start: Scores
    soups: list[Scores]
    """At λ = 0 to 1, from the first reward's end to the second's."""
    mixed: list[Scores]
    """MORL's runs at the preferences `MIXED`, from the second reward's end to the first's."""
    mixtures: list[Scores]
    """Geometric mixtures of the ends, at the weights of the soups between them."""

    @classmethod
    def of(cls, plan: Plan, cache: Path | None = None) -> Comparison:
        """Fine-tune, where the cache has it not, and write.

        Raises:
            DataUnavailable: the pretrained networks can't be had.
            FloatingPointError: a fine-tune left the finite numbers.
        """
        pair = plan.rewards
        tuned = {
            preference: fine_tuned(
                pair.task(preference, plan.recipe, plan.seed), plan.steps, device=plan.device, cache=cache
            )
            for preference in (1.0, 0.0, *MIXED)
        }
        worth = partial(scores, names=pair.names, texts=plan.texts, seed=plan.seed, device=plan.device)
        ends, weights = [tuned[1.0], tuned[0.0]], segment(POLICIES)
        policies = [policy_of(end, plan.device) for end in ends]
        mixtures = [Mixed(policies, inner, temperature=TEMPERATURE) for inner in weights[1:-1]]
        return cls(
            plan,
            worth(pretrained()[0]),
            along(ends, weights, pair.names, texts=plan.texts, seed=plan.seed, device=plan.device),
            [worth(tuned[preference]) for preference in MIXED],
            [scored(one, pair.names, texts=plan.texts, seed=plan.seed) for one in mixtures],
        )

    @property
    def morl(self) -> list[Scores]:
        """All of MORL's runs."""
        return [self.soups[-1], *self.mixed, self.soups[0]]

    def connectivity(self) -> Margins:
        """Margins of the soups between the ends."""
        values, weights = _values(self.soups), np.array(segment(POLICIES))
        return margins(values[1:-1], values[[0, -1]], weights[1:-1], np.random.default_rng(29))

    def ratio(self) -> Interval:
        """HV(soup)/HV(MORL) above the pair's reference, with an interval over texts."""
        rng = np.random.default_rng(31)
        return hypervolume_ratio_interval(
            _values(self.soups), _values(self.morl), self.plan.rewards.reference, rng
        )

    def beside_mixtures(self) -> Interval:
        """Mean reward of a soup less that of the geometric mixture of its ends, where they differ most.

        The interval holds the true one with 95 % for all rewards and weights together (Bonferroni).
        """
        differences = _values(self.soups[1:-1]) - _values(self.mixtures)
        mean = differences.mean(axis=1)
        error = differences.std(axis=1, ddof=1) / differences.shape[1] ** 0.5
        in_errors = np.abs(mean) / np.maximum(error, np.finfo(float).tiny)  # texts may all be the same
        at = np.unravel_index(int(in_errors.argmax()), mean.shape)
        half = float(norm.ppf(1.0 - 0.025 / mean.size) * error[at])
        return Interval(float(mean[at]), float(mean[at]) - half, float(mean[at]) + half)

    def gains(self) -> tuple[float, float]:
        """What each end gained of its own reward over the start, in standard errors of the paired texts."""
        found = []
        for reward, end in enumerate((self.soups[0], self.soups[-1])):
            gained = end.values[:, reward] - self.start.values[:, reward]
            found.append(float(gained.mean() / (gained.std(ddof=1) / len(gained) ** 0.5)))
        return found[0], found[1]


def findings(found: Comparison) -> Iterator[Check | Claim]:
    """What a comparison says: judged where the outcome is known beforehand, claims where it is not."""
    plan = found.plan
    about = f"{plan.pair}, {plan.steps} steps, seed {plan.seed}"
    for name, gained in zip(plan.rewards.names, found.gains(), strict=True):
        yield Check(f"{about}: gain in own reward {name}, standard errors, 5 to 205", 105.0, gained, 100.0)
    runs = plan.runs((1.0, 0.0, *MIXED)) / plan.runs((1.0, 0.0))
    yield Check(f"{about}: MORL's fine-tunes over the soup's, for five preferences", 5.0 / 2.0, runs, 0.0)
    ratio = found.ratio()
    yield Check(f"{about}: HV(soup)/HV(MORL), 0.75 to 1.10", 0.925, ratio.value, 0.175)
    connected = found.connectivity()
    at = np.unravel_index(int(connected.in_errors.argmin()), connected.mean.shape)
    yield Claim(
        f"{about}: linear mode connectivity, smallest margin ({connected.smallest_in_errors:.1f} errors)",
        float(connected.mean[at]),
        float(connected.low[at]),
        float(connected.high[at]),
        ">= -2 errors",
        "supported" if connected.smallest_in_errors >= -2.0 else "not supported",
    )
    apart = found.beside_mixtures()
    yield Claim(
        f"{about}: soups are the geometric mixtures of their ends, largest difference in a reward",
        apart.value,
        apart.low,
        apart.high,
        "about 0",
        "supported" if apart.low <= 0.0 <= apart.high else "not supported",
    )
    yield Claim(
        f"{about}: the soup's front is MORL's, HV ratio",
        ratio.value,
        ratio.low,
        ratio.high,
        "about 1",
        "supported" if ratio.low <= 1.0 <= ratio.high else "not supported",
    )


def _values(policies: list[Scores]) -> NDArray[np.float64]:
    return np.stack([one.values for one in policies])


def main() -> None:
    """The comparison at a budget of one's own: tables of its findings, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--pair", choices=tuple(PAIRS), default="haha-sentiment")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--lr", type=float, default=Recipe.learning_rate)
    parser.add_argument("--kl-coef", type=float, default=Recipe.kl_coef)
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    recipe = Recipe(learning_rate=chosen.lr, batch=chosen.batch, kl_coef=chosen.kl_coef)
    for seed in range(chosen.seeds):
        plan = Plan(chosen.pair, recipe, chosen.steps, chosen.texts, seed, chosen.device)
        found = Comparison.of(plan)
        for policy, one in zip(("start", *segment(POLICIES), *MIXED), _all(found), strict=True):
            print(policy, one.values.mean(axis=0).round(4), round(one.distinct, 3))  # noqa: T201
        for finding in findings(found):
            print(finding, flush=True)  # noqa: T201 - what this command is for


def _all(found: Comparison) -> list[Scores]:
    return [found.start, *found.soups, *found.mixed]


if __name__ == "__main__":
    main()
