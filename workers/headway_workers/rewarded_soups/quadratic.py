"""Quadratic rewards, for which soup and Pareto front are known in closed form: the oracle of this room.

Rᵢ(θ) = −(θ − θᵢ)ᵀ Hᵢ (θ − θᵢ) for i = 1, 2, with H₁ and H₂ diagonal in one basis and eigenvalues in [m, M].
All vectors are in that basis: θᵢ and the eigenvalues hᵢ have shape (d,). The user's reward is
(1 − μ) R₁ + μ R₂, and the soup θ(λ) = (1 − λ) θ₁ + λ θ₂.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway_workers.rewarded_soups.interpolation import interpolated

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class QuadraticRewards:
    """Two quadratic rewards; every θ has shape (…, d)."""

    first: Array
    """(d,): θ₁, where R₁ is 0, its maximum."""
    second: Array
    """(d,): θ₂."""
    first_curvature: Array
    """(d,): eigenvalues h₁ > 0 of H₁."""
    second_curvature: Array

    def rewards(self, theta: Array) -> Array:
        """(R₁, R₂) at points (…, d): (…, 2)."""
        one = -((theta - self.first) ** 2 * self.first_curvature).sum(axis=-1)
        two = -((theta - self.second) ** 2 * self.second_curvature).sum(axis=-1)
        return np.stack([one, two], axis=-1)

    @property
    def losses(self) -> tuple[float, float]:
        """D₁ = R₁(θ₁) − R₁(θ₂) and D₂ = R₂(θ₂) − R₂(θ₁): what each network loses by being the other."""
        apart = (self.first - self.second) ** 2
        return float(apart @ self.first_curvature), float(apart @ self.second_curvature)

    def soup(self, weight: float) -> Array:
        """θ(λ): (d,)."""
        return interpolated([self.first, self.second], [1.0 - weight, weight])

    def soups(self, weights: Array) -> Array:
        """(R₁, R₂) of the soups with weights λ (n,): −λ² D₁ and −(1 − λ)² D₂, by our algebra: (n, 2)."""
        loss_1, loss_2 = self.losses
        return np.stack([-(weights**2) * loss_1, -((1.0 - weights) ** 2) * loss_2], axis=-1)

    def best_weight(self, preference: Array) -> Array:
        """λ* of the best soup for preferences μ (n,): μ D₂ / ((1 − μ) D₁ + μ D₂), by our algebra: (n,)."""
        loss_1, loss_2 = self.losses
        return np.asarray(preference * loss_2 / ((1.0 - preference) * loss_1 + preference * loss_2))

    def optimum(self, preference: Array) -> Array:
        """The best θ of all for preferences μ (n,), where the weighted gradient vanishes: (n, d)."""
        one = (1.0 - preference)[:, None] * self.first_curvature
        two = preference[:, None] * self.second_curvature
        return np.asarray((one * self.first + two * self.second) / (one + two))

    def gap(self, preference: Array) -> Array:
        """What the best soup lacks of the best θ in the user's reward, ≥ 0, for μ (n,): (n,)."""
        user = np.stack([1.0 - preference, preference], axis=-1)
        best = self.rewards(self.optimum(preference))
        return np.asarray((user * (best - self.soups(self.best_weight(preference)))).sum(axis=-1))

    def gap_bound(self, preference: Array) -> Array:
        """An upper bound of `gap` for μ (n,): (n,).

        μ² (1 − μ)² (M D₁ − m D₂)(M D₂ − m D₁) / [(μ (1 − μ)(M − m)² + M m)((1 − μ) D₁ + μ D₂)], with m and M
        the extreme eigenvalues of both. The formula is recalled from the appendix of Ramé et al. 2023 and was
        not compared with its text; the tests hold it over random cases.
        """
        loss_1, loss_2 = self.losses
        curvatures = np.concatenate([self.first_curvature, self.second_curvature])
        m, M = curvatures.min(), curvatures.max()
        both = preference * (1.0 - preference)
        mixed = (1.0 - preference) * loss_1 + preference * loss_2
        spread = (M * loss_1 - m * loss_2) * (M * loss_2 - m * loss_1)
        return np.asarray(both**2 * spread / ((both * (M - m) ** 2 + M * m) * mixed))
