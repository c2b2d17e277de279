"""Random gene sets of a signature's like kind: genes of like mean and variance, as correlated as its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway_workers.signature_audit.gene_sets import Sets

Array = NDArray[np.floating[Any]]

DECILES = 10
TOLERANCE = 0.02
"""By how much the mean pairwise correlation of a matched set may differ from the signature's."""
STARTS = 5
"""Times that every place takes what it is offered, at the start."""
SWEEPS = 30
"""Times that it is offered a gene after that."""


@dataclass(frozen=True)
class Matched:
    """The sets that came within the tolerance."""

    sets: Sets
    """Columns, shape (M, k); each place holds a gene of the stratum of the signature's gene there."""
    correlation: float
    """The signature's mean pairwise correlation; 0 of a single gene."""
    smallest_stratum: int
    """Genes of the universe in the smallest stratum that the signature has a gene of."""


def strata(values: Array, universe: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """A number for each gene of the universe: its decile by mean and, within that, by standard deviation.

    `values` is (n, G). The deciles of the deviation are taken within a decile of the mean, so that the strata
    are of like size although the two go together.
    """
    X = values[:, universe]
    by_mean = _deciles(X.mean(axis=0))
    found = np.zeros(len(universe), dtype=np.intp)
    for decile in range(DECILES):
        there = np.flatnonzero(by_mean == decile)
        found[there] = DECILES * decile + _deciles(X[:, there].std(axis=0))
    return found


def matched_sets(
    values: Array,
    places: Sequence[int],
    signs: Sequence[float],
    universe: NDArray[np.integer[Any]],
    *,
    count: int,
    rng: np.random.Generator,
) -> Matched:
    """Draw up to `count` sets; those that never come within the tolerance are left out.

    Each begins as random genes of the strata. Then place after place is offered another gene of its stratum,
    and takes it if the set's mean pairwise correlation ends within the tolerance, or no further from the
    signature's than it was. Offers are symmetric, so within the tolerance this is a Metropolis walk, whose
    limit is uniform over the sets that it can reach (our construction).

    With z-values of unit variance and signs s, the mean pairwise correlation of k genes over n samples is
    (‖Σ_j s_j z_j‖²/n − k)/(k (k − 1)).

    Args:
        values: expression, shape (n, G).
        places: the signature's columns, without repetition; they belong to the universe.
        signs: with which each gene enters; correlations are those of signed genes.
        universe: the columns to draw from.
        count: of sets.
        rng: draws them.

    Raises:
        ValueError: a gene of the signature is not in the universe.
    """
    own = {int(column): place for place, column in enumerate(universe)}
    if missing := [place for place in places if place not in own]:
        raise ValueError(f"places = {missing}: not in the universe that sets are drawn from; leave them out.")
    of_gene = strata(values, universe)
    choices = [np.flatnonzero(of_gene == of_gene[own[place]]) for place in places]
    spread = values.std(axis=0)[universe]
    Z = ((values[:, universe] - values[:, universe].mean(axis=0)) / np.where(spread > 0, spread, 1.0)).T
    walk = _Walk(Z, np.asarray(signs, dtype=float), [own[place] for place in places], choices, count)
    for sweep in range(STARTS + SWEEPS):
        for place in range(len(places)):
            walk.offer(place, rng, anything=sweep < STARTS)
    kept = walk.gap <= TOLERANCE
    return Matched(universe[walk.sets[kept]], walk.target, min(map(len, choices)))


class _Walk:
    """Sets on their way from the signature itself; `gap` is how far each is from its correlation."""

    def __init__(
        self, Z: Array, signs: Array, signature: list[int], choices: list[NDArray[np.intp]], count: int
    ) -> None:
        self._Z, self._signs, self._choices = Z, signs, choices
        self.sets = np.tile(np.asarray(signature), (count, 1))
        self._sums = np.tile(signs @ Z[signature], (count, 1))
        self._squares: Array = (self._sums**2).sum(axis=1)
        self.target = float(self._correlation(self._squares[:1])[0])
        self.gap = np.zeros(count)

    def offer(self, place: int, rng: np.random.Generator, *, anything: bool) -> None:
        """Offer every set another gene at this place; `anything`: whatever it does to the correlation."""
        offered = rng.choice(self._choices[place], size=len(self.sets))
        change = self._signs[place] * (self._Z[offered] - self._Z[self.sets[:, place]])
        squares = self._squares + ((2.0 * self._sums + change) * change).sum(axis=1)
        gap = np.abs(self._correlation(squares) - self.target)
        takes = ~(self.sets == offered[:, None]).any(axis=1)
        if not anything:
            takes &= gap <= np.maximum(TOLERANCE, self.gap)
        self.sets[takes, place] = offered[takes]
        self._sums[takes] += change[takes]
        self._squares[takes], self.gap[takes] = squares[takes], gap[takes]

    def _correlation(self, squares: Array) -> Array:
        """The mean pairwise one, from ‖Σ_j s_j z_j‖²; 0 where there is no pair."""
        k, n = len(self._signs), self._Z.shape[1]
        found: Array = (squares / n - k) / max(1, k * (k - 1))
        return found if k > 1 else np.zeros_like(found)


def _deciles(values: Array) -> NDArray[np.intp]:
    """0 to 9 for each value, from the least tenth to the largest."""
    order = np.empty(len(values), dtype=np.intp)
    order[np.argsort(values, kind="stable")] = np.arange(len(values))
    return DECILES * order // max(1, len(values))
