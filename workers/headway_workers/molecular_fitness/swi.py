"""The site-wise independent model: at each site, weighted frequencies and a pseudocount."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.trees import Array


@dataclass(frozen=True)
class SiteWise:
    """q(x) = Π_l q_l(x_l)."""

    log_probabilities: Array
    """(L, B)."""

    @classmethod
    def fit(cls, sample: Sample, pseudocount: float) -> SiteWise:
        """With `pseudocount` added to every letter's weight; gaps count nowhere."""
        counts = np.einsum("u,ulb->lb", sample.weights, sample.one_hot()) + pseudocount
        return cls(np.log(counts / counts.sum(axis=1, keepdims=True)))

    def log_density(self, x: Sequences) -> Array:
        """Log q, (N,); a gap is marginalised."""
        letters = np.take_along_axis(self.log_probabilities[None], np.maximum(x, 0)[..., None], axis=2)
        total: Array = np.where(x >= 0, letters[..., 0], 0.0).sum(axis=1)
        return total

    def conditionals(self, x: Sequences) -> Array:
        """q(letter | prefix) at every site of every sequence, (N, L, B): the prefix does not matter."""
        rows: Array = np.broadcast_to(np.exp(self.log_probabilities), (*x.shape, self.letters))
        return rows

    @property
    def letters(self) -> int:
        return int(self.log_probabilities.shape[1])
