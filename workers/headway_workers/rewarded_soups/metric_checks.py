"""What the metrics are held to without any training: closed forms, identities, the authors' own tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headway_workers.contract import Check
from headway_workers.rewarded_soups.connectivity import margins_of_means
from headway_workers.rewarded_soups.fronts import Array, hypervolume_ratio
from headway_workers.rewarded_soups.interpolation import State, soup
from headway_workers.rewarded_soups.published import CAPTIONING, NEWS_SUMMARIES, WEIGHTS
from headway_workers.rewarded_soups.quadratic import QuadraticRewards


def same_weights(one: State, other: State) -> Iterator[Check]:
    """A soup at its corners, and of a network with itself: entries that differ in any bit."""
    corner = _apart(soup([one, other], (1.0, 0.0)), one) + _apart(soup([one, other], (0.0, 1.0)), other)
    yield Check("λ = 0 and 1: weights that are not the ends'", 0.0, corner, 0.0)
    itself = _apart(soup([one] * 3, (1 / 3, 1 / 3, 1 / 3)), one)
    yield Check("uniform soup of one network: weights that are not its", 0.0, itself, 0.0)


def quadratic(cases: int = 1_000) -> Iterator[Check]:
    """Rewards for which the best soup and the best policy are known in closed form."""
    mu, worst_bound, worst_form = np.linspace(0.02, 0.98, 25), 0.0, 0.0
    for seed in range(cases):
        case = _random(seed)
        excess = (case.gap(mu) - case.gap_bound(mu)).max()
        worst_bound = max(worst_bound, float(excess))
        walked = np.array([case.rewards(case.soup(weight)) for weight in WEIGHTS.tolist()])
        worst_form = max(worst_form, float(np.abs(walked - case.soups(WEIGHTS)).max()))
    yield Check("quadratic rewards of soups against their closed form", 0.0, worst_form, 1e-10)
    yield Check("quadratic gap above its bound, largest", 0.0, worst_bound, 1e-10)
    extreme = QuadraticRewards(np.zeros(2), np.array([1.0, 2.0]), np.array([0.5, 4.0]), np.array([4.0, 0.5]))
    tight = float((extreme.gap(mu) / extreme.gap_bound(mu)).max())
    yield Check("quadratic gap over its bound where it is tight", 1.0, tight, 1e-10)
    round_ = QuadraticRewards(np.zeros(3), np.array([1.0, -2.0, 0.5]), np.full(3, 0.7), np.full(3, 2.1))
    fine = np.linspace(0.0, 1.0, 1_000_001)
    front = round_.rewards(round_.optimum(fine))
    ratio = hypervolume_ratio(round_.soups(fine), front, -np.array(round_.losses))
    yield Check("HV(soup)/HV(front), curvatures proportional to the identity", 1.0, ratio, 1e-6)


def published() -> Iterator[Check]:
    """The margins of the authors' tables: none is negative, and the largest are known beforehand."""
    for name, table, expected, rounding in (
        ("captions", CAPTIONING, (0.0030, 0.0026), 5e-5),
        ("news summaries", NEWS_SUMMARIES, (0.091, 0.159), 5e-4),
    ):
        found = _margins(table)
        yield Check(f"authors' {name}: largest negative margin", 0.0, max(0.0, -float(found.min())), 1e-10)
        for reward, largest in enumerate(expected):
            ours = float(found[:, reward].max())
            yield Check(f"authors' {name}: largest margin of reward {reward + 1}", largest, ours, rounding)


def _margins(table: Array) -> Array:
    return margins_of_means(table, table[[0, -1]], np.stack([1.0 - WEIGHTS, WEIGHTS], axis=1))


def _random(seed: int) -> QuadraticRewards:
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 6))
    return QuadraticRewards(*rng.standard_normal((2, d)), *rng.uniform(0.1, 5.0, (2, d)))


def _apart(found: State, expected: State) -> float:
    return float(sum(int((found[name] != one).sum()) for name, one in expected.items()))
