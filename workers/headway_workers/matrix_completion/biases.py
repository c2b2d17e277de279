"""The bias model of ratings: what is expected before anything is known of taste.

    r̂ᵤᵢ = m + bᵢ + bᵤ,    bᵢ = Σᵤ (rᵤᵢ − m) / (nᵢ + kᵢ),    bᵤ = Σᵢ (rᵤᵢ − m − bᵢ) / (nᵤ + kᵤ),

with m the mean rating, n the number of ratings of a film or a user, and k the shrinkage, in ratings, towards
no bias (Koren 2010, "Factor in the neighbors", section 2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway_workers.matrix_completion.ratings import Ratings


@dataclass(frozen=True)
class Biases:
    """A fitted bias model, in stars."""

    mean: float
    users: NDArray[np.float64]
    """bᵤ, one a user; 0 for users without a rating."""
    films: NDArray[np.float64]
    """bᵢ, one a film; 0 for films without a rating."""

    @classmethod
    def fitted(
        cls, ratings: Ratings, shape: tuple[int, int], user_shrinkage: float, film_shrinkage: float
    ) -> Biases:
        """The model of these ratings; shrinkages are positive numbers of ratings."""
        mean = float(ratings.stars.mean())
        films = _means(ratings.films, ratings.stars - mean, shape[1], film_shrinkage)
        left = ratings.stars - mean - films[ratings.films]
        return cls(mean, _means(ratings.users, left, shape[0], user_shrinkage), films)

    def expected(self, ratings: Ratings) -> NDArray[np.float64]:
        """r̂ for each of the ratings, shape (n,)."""
        expected: NDArray[np.float64] = self.mean + self.users[ratings.users] + self.films[ratings.films]
        return expected


def rmse(error: NDArray[Any]) -> float:
    """Root mean square of errors, in their unit."""
    return float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))


def _means(
    groups: NDArray[np.int64], values: NDArray[np.float64], n: int, shrinkage: float
) -> NDArray[np.float64]:
    sums = np.bincount(groups, weights=values, minlength=n)
    means: NDArray[np.float64] = sums / (np.bincount(groups, minlength=n) + shrinkage)
    return means
