"""How good a set of policies is when nobody has said yet how its rewards are weighed. Rewards are maximised.

Points are rows of rewards, (points, rewards). Hypervolume depends on its reference point, so every function
takes it: state it wherever a figure is published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import moocore
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def hypervolume(points: Array, reference: Array) -> float:
    """Volume that the points (n, k) dominate above a reference (k,); points that don't exceed it add none."""
    return float(moocore.hypervolume(np.asarray(points, dtype=float), ref=reference, maximise=True))


def nadir(*sets: Array) -> Array:
    """The worst value of each reward among all points of the sets (n, k): (k,)."""
    return np.asarray(np.concatenate(sets).min(axis=0))


def hypervolume_ratio(points: Array, others: Array, reference: Array) -> float:
    """HV(points) / HV(others) above the same reference, such as soups (n, k) over MORL's runs (m, k).

    Raises:
        ValueError: none of the others exceeds the reference, so there is nothing to divide by.
    """
    volume = hypervolume(others, reference)
    if volume <= 0.0:
        raise ValueError(
            f"No point exceeds the reference {np.asarray(reference).tolist()} in every reward: lower it."
        )
    return hypervolume(points, reference) / volume


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


def hypervolume_ratio_interval(
    points: Array, others: Array, reference: Array, rng: np.random.Generator, resamples: int = 1_000
) -> Interval:
    """The ratio from rewards of single samples, with a percentile bootstrap interval.

    `points` (n, samples, k) and `others` (m, samples, k) hold every policy's rewards on the same random
    numbers; a resample draws samples, the same ones for all policies, so that what they share cancels.
    The reference is a constant: estimate it from other samples, or state it.

    Raises:
        ValueError: see `hypervolume_ratio`, also where it holds of a resample.
    """
    samples = points.shape[1]
    counts = rng.multinomial(samples, np.full(samples, 1.0 / samples), size=resamples) / samples
    ours = np.einsum("rs,nsk->rnk", counts, points, optimize=True)
    theirs = np.einsum("rs,nsk->rnk", counts, others, optimize=True)
    ratios = [hypervolume_ratio(a, b, reference) for a, b in zip(ours, theirs, strict=True)]
    low, high = np.quantile(ratios, [0.025, 0.975])
    value = hypervolume_ratio(points.mean(axis=1), others.mean(axis=1), reference)
    return Interval(value, float(low), float(high))


def best_weighted(points: Array, preferences: Array) -> Array:
    """The largest Σ μᵢ Rᵢ among points (n, k), for preferences μ (p, k) in the simplex: (p,)."""
    return np.asarray((preferences @ points.T).max(axis=1))


def gain_ratio(points: Array, others: Array, start: Array, preferences: Array) -> Array:
    """Best weighted gain over the start (k,), points' over others', for each preference (p, k): (p,).

    Raises:
        ValueError: for some preference, none of the others gains anything.
    """
    from_start = preferences @ start
    gained = best_weighted(others, preferences) - from_start
    if (gained <= 0.0).any():
        worst = preferences[int(np.argmin(gained))].tolist()
        raise ValueError(f"With the preference {worst}, none of the others is better than the start.")
    return np.asarray((best_weighted(points, preferences) - from_start) / gained)
