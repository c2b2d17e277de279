"""A user of handwritten digits, who brings some groups of them more often than others and doesn't say which.

Four networks are fine-tuned from one start, each paid for one group of digits (0 to 2, 3 and 4, 5 to 7, 8 and
9). The user brings a digit of group k with probability μₖ and is satisfied by a right answer, so a policy is
worth Σ μₖ aₖ to him, with aₖ its probability of being right on group k.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headway_workers.rewarded_soups.digits.classifier import fine_tuned, group, images, pretrained, rewards
from headway_workers.rewarded_soups.interpolation import State, soup

Array = NDArray[np.float64]

GROUPS = 4
_PREFERENCE = 11
"""Key of the draw of μ."""


class User:
    """A hidden preference μ, uniform over the simplex, and the networks to be mixed; both of one seed.

    Of the held-out images the user brings every other one. The rest is for an audit.
    """

    def __init__(self, seed: int, device: str = "cpu") -> None:
        self._seed, self._device = seed, device
        self.preference: Array = np.random.default_rng([seed, _PREFERENCE]).dirichlet(np.ones(GROUPS))
        """μ, (4,)."""

    @cached_property
    def networks(self) -> list[State]:
        """The four fine-tunes. They take seconds, and are made once a process."""
        start = pretrained(self._seed, self._device)
        return [fine_tuned(start, tuple(paid), self._seed, self._device) for paid in np.eye(GROUPS).tolist()]

    @cached_property
    def _groups(self) -> NDArray[np.int64]:
        """The group of each held-out image, (N,)."""
        return np.asarray(group(images(held_out=True).digits, GROUPS).numpy())

    def right(self, weights: Sequence[float]) -> Array:
        """The soup's probability of being right on each held-out image, (N,)."""
        return self.right_of(soup(self.networks, weights))

    def right_of(self, network: State) -> Array:
        """A network's probability of being right on each held-out image, (N,)."""
        return np.asarray(rewards(network, self._device, GROUPS).sum(axis=1))

    def worth(self, weights: Sequence[float], *, audit: bool) -> float:
        """Σ μₖ aₖ of the soup, exactly: over the images that the user brings, or over the audit's."""
        right, mine = self.right(weights), self._half(audit=audit)
        accuracy = [right[mine & (self._groups == k)].mean() for k in range(GROUPS)]
        return float(self.preference @ np.array(accuracy))

    def satisfied(self, weights: Sequence[float], count: int, seed: int) -> NDArray[np.bool_]:
        """Whether each of `count` answers was right, (count,): new digits and answers for each seed.

        The seed's draws are the same whatever the weights and the count, so that mixtures can be compared.
        """
        rng = np.random.default_rng([self._seed, seed])
        draws = rng.random((count, 3))
        edges = np.cumsum(self.preference)[:-1]
        chosen = np.searchsorted(edges, draws[:, 0], side="right")
        mine = self._half(audit=False)
        places = [np.flatnonzero(mine & (self._groups == k)) for k in range(GROUPS)]
        brought = [places[k][int(u * len(places[k]))] for k, u in zip(chosen, draws[:, 1], strict=True)]
        return np.asarray(draws[:, 2] < self.right(weights)[brought])

    def _half(self, *, audit: bool) -> NDArray[np.bool_]:
        return np.asarray(np.arange(len(self._groups)) % 2 == int(audit))


def grid(parts: int, components: int = GROUPS) -> Array:
    """All weights that are multiples of 1/parts: (C(parts + components − 1, components − 1), components)."""
    if components == 1:
        return np.array([[1.0]])
    rows = []
    for first in range(parts + 1):
        rest = grid(parts - first, components - 1) * ((parts - first) / parts) if first < parts else None
        tail = np.zeros((1, components - 1)) if rest is None else rest
        rows.append(np.hstack([np.full((len(tail), 1), first / parts), tail]))
    return np.vstack(rows)
