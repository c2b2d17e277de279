"""Two rewards that pull apart, and where a hypervolume of theirs is measured from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headway_workers.rewarded_soups.text.reinforce import Recipe, Task
from headway_workers.rewarded_soups.text.rewards import Values

BELOW_THE_START = 0.1
"""From the start's mean rewards down to the reference point."""


class Pair(NamedTuple):
    """Names of two rewards, and their means at the pretrained policy."""

    first: str
    second: str
    start: tuple[float, float]
    """To two digits, of 2,000 texts at temperature 1 and more; the tests hold the policy to them."""

    @property
    def names(self) -> tuple[str, str]:
        """Of the rewards."""
        return self.first, self.second

    @property
    def reference(self) -> Values:
        """(2,): the start less 0.1 of each, fixed so that hypervolumes of different runs compare."""
        return np.asarray(self.start) - BELOW_THE_START

    def task(self, preference: float, recipe: Recipe, seed: int) -> Task:
        """Fine-tuning towards μ × the first + (1 − μ) × the second."""
        shares = ((self.first, preference), (self.second, 1.0 - preference))
        return Task(tuple((name, share) for name, share in shares if share), recipe, seed)


PAIRS = {
    "love-haha": Pair("love", "haha", (0.55, 0.26)),
    "haha-sentiment": Pair("haha", "sentiment", (0.26, 0.51)),
    "wow-sentiment": Pair("wow", "sentiment", (0.14, 0.51)),
}
"""Shares of love and haha all but sum to one, so that the first pair leaves a soup little to gain."""
