"""Linear mode connectivity: is a soup at least as good as the mixture of its ends' rewards?

Hypothesis 1 of Ramé et al. 2023: R_k(Σ λᵢ θᵢ) ≥ Σ λᵢ R_k(θᵢ) for every reward k and every λ. The *margin* is
the left side minus the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

BLOCK = 2**22
"""Numbers of a bootstrap's intermediate result at a time: 32 MB."""


@dataclass(frozen=True)
class Margins:
    """Margins of p soups in k rewards, with their uncertainty over the s samples."""

    weights: Array
    """(p, n): the soups' λ."""
    mean: Array
    """(p, k), in the rewards' units, as all that follows."""
    standard_error: Array
    """(p, k): of the samples' paired margins, so that what soups and ends share cancels."""
    low: Array
    """(p, k): 2.5 % point of the bootstrap."""
    high: Array
    """(p, k): 97.5 % point of the bootstrap."""

    @property
    def in_errors(self) -> Array:
        """Margins in standard errors (p, k); one without an error is ±∞, or 0 where it is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.mean / self.standard_error
        return np.where(self.mean == 0.0, 0.0, ratio)

    @property
    def smallest_in_errors(self) -> float:
        """The smallest margin of all soups and rewards, in its own standard errors."""
        return float(self.in_errors.min())


def margins_of_means(points: Array, ends: Array, weights: Array) -> Array:
    """Margins (p, k) of soups' mean rewards (p, k) with weights (p, n) over their ends' (n, k)."""
    return np.asarray(points - weights @ ends)


def margins(
    points: Array, ends: Array, weights: Array, rng: np.random.Generator, resamples: int = 1_000
) -> Margins:
    """Margins with standard errors and percentile bootstrap intervals, from rewards of single samples.

    Args:
        points: (p, s, k), reward k of soup p on sample s.
        ends: (n, s, k), likewise of the fine-tuned networks. Sample s has the same random numbers (prompts,
            seeds of episodes) in all of them.
        weights: (p, n), λ of each soup.
        rng: draws the bootstrap's resamples of samples.
        resamples: how many.

    Raises:
        ValueError: there are fewer than two samples, or shapes don't fit each other.
    """
    p, samples, k = points.shape
    if ends.shape[1:] != (samples, k) or weights.shape != (p, len(ends)):
        raise ValueError(
            f"Shapes {points.shape} of soups, {ends.shape} of ends and {weights.shape} of weights don't fit: "
            "give (p, s, k), (n, s, k) and (p, n)."
        )
    if samples < 2:
        raise ValueError("A standard error needs at least two samples.")
    paired = points - np.einsum("pn,nsk->psk", weights, ends)
    drawn = np.concatenate(
        [_resampled(paired, part, rng) for part in _parts(resamples, max(1, BLOCK // samples))]
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    error = paired.std(axis=1, ddof=1) / np.sqrt(samples)
    return Margins(weights, paired.mean(axis=1), error, low, high)


def _resampled(paired: Array, resamples: int, rng: np.random.Generator) -> Array:
    """Means (resamples, p, k) of samples drawn with replacement, the same for every soup and reward."""
    samples = paired.shape[1]
    counts = rng.multinomial(samples, np.full(samples, 1.0 / samples), size=resamples)
    return np.asarray(np.einsum("rs,psk->rpk", counts / samples, paired, optimize=True))


def _parts(total: int, size: int) -> list[int]:
    """`total` as a sum of parts of at most `size`."""
    return [min(size, total - done) for done in range(0, total, size)]
