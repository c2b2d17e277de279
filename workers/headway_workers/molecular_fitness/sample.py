"""A sample of sequences as its distinct ones and their weights, which is all that a fit needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.trees import Array

GAP = -1
"""Where an aligned sequence has no letter."""
_BLOCK = 1_024


@dataclass(frozen=True)
class Sample:
    """Distinct sequences and how much each counts."""

    x: Sequences
    """(U, L), letters 0 … B − 1, or `GAP`."""
    weights: Array
    """(U,), positive."""
    letters: int

    @classmethod
    def of(cls, x: Sequences, letters: int, theta: float = 1.0) -> Sample:
        """Sequences, reweighted: each counts 1 / (how many agree with it at θ of the sites or more).

        θ = 1 leaves every sequence its full weight. A gap agrees with a gap.
        """
        distinct, counts = np.unique(x, axis=0, return_counts=True)
        weights = counts.astype(float)
        if theta < 1.0:
            weights /= _neighbours(distinct, weights, letters, theta)
        return cls(distinct, weights, letters)

    @property
    def effective(self) -> float:
        """Neff, the sum of the weights."""
        return float(self.weights.sum())

    def one_hot(self) -> Array:
        """(U, L, B); no letter stands at a gap."""
        return one_hot(self.x, self.letters)


def one_hot(x: Sequences, letters: int) -> Array:
    """(N, L, B), all 0 at a gap."""
    hot: Array = (x[..., None] == np.arange(letters)).astype(float)
    return hot


def _neighbours(x: Sequences, counts: Array, letters: int, theta: float) -> Array:
    """Sum of the counts of the sequences within θ of each, itself among them, (U,)."""
    N, L = x.shape
    hot = (x[..., None] == np.arange(-1, letters)).reshape(N, -1).astype(np.float32)
    found = np.empty(N)
    for start in range(0, N, _BLOCK):
        agree = hot[start : start + _BLOCK] @ hot.T
        # Counts of agreeing sites are whole numbers, exact in single precision.
        found[start : start + _BLOCK] = (agree >= theta * L - 1e-4) @ counts
    return found
