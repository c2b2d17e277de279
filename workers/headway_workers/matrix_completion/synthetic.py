"""Random matrices of exact rank with a given condition number, seen in part and with noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway_workers.matrix_completion.observed import Observed, random_known


@dataclass(frozen=True)
class Ensemble:
    """The law of a random problem: what the environment decides, and nothing tunes."""

    d1: int = 1200
    d2: int = 800
    rank: int = 10
    p: float = 0.2
    """Probability that an entry is seen."""
    kappa: float = 1.0
    """Condition number: the singular values go evenly from 1 to 1/κ."""
    sigma: float = 0.0
    """Standard deviation of the noise on each entry, in units of M's root mean square entry."""

    def draw(self, seed: int, dtype: type[np.floating] = np.float64) -> Synthetic:
        """A problem, from `seed` alone: the same in both precisions up to rounding."""
        rng = np.random.default_rng(seed)
        U, _ = np.linalg.qr(rng.standard_normal((self.d1, self.rank)))
        V, _ = np.linalg.qr(rng.standard_normal((self.d2, self.rank)))
        singular = np.linspace(1.0, 1.0 / self.kappa, self.rank)
        known = random_known((self.d1, self.d2), self.p, rng)
        root = np.sqrt(singular)
        X, Y = (U * root).astype(dtype), (V * root).astype(dtype)
        return Synthetic(self, X, Y, known, int(rng.integers(2**32)))


@dataclass(frozen=True)
class Synthetic:
    """A random problem with its solution."""

    ensemble: Ensemble
    X: NDArray[Any]
    """X* = U S^½, shape (d1, r)."""
    Y: NDArray[Any]
    """Y* = V S^½, shape (d2, r): balanced with X*."""
    known: NDArray[np.bool_]
    """Ω, shape (d1, d2)."""
    noise_seed: int

    @cached_property
    def truth(self) -> NDArray[Any]:
        """M = X* Y*ᵀ, shape (d1, d2), without noise."""
        M: NDArray[Any] = self.X @ self.Y.T
        return M

    @property
    def noise(self) -> float:
        """Standard deviation of an observed entry's noise, in M's units."""
        return self.ensemble.sigma * float(np.sqrt(np.mean(self.truth.astype(np.float64) ** 2)))

    @cached_property
    def observed(self) -> Observed:
        """The seen entries, noise included."""
        seen = Observed.where(self.known, self.truth)
        if not self.noise:
            return seen
        errors = self.noise * np.random.default_rng(self.noise_seed).standard_normal(len(seen.values))
        return Observed(seen.shape, seen.rows, seen.columns, seen.values + errors.astype(seen.values.dtype))

    def error(self, X: NDArray[Any], Y: NDArray[Any]) -> float:
        """‖X Yᵀ − M‖_F / ‖M‖_F, exact down to rounding, in O((d1 + d2) r²).

        X Yᵀ − X* Y*ᵀ is a product of stacked factors, [X X*] [Y −Y*]ᵀ, and a product has the norm of the
        product of the factors' R in their QR decompositions.
        """
        one = np.asarray(np.linalg.qr(np.hstack([X, self.X]), mode="r"))
        other = np.asarray(np.linalg.qr(np.hstack([Y, -self.Y]), mode="r"))
        return float(np.linalg.norm(one @ other.T)) / self._norm

    @cached_property
    def _norm(self) -> float:
        return float(np.linalg.norm(self.truth))
