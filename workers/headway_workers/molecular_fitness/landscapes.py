"""Fitness landscapes over sequences of L sites and B letters, and the distribution selection settles in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from headway_workers.molecular_fitness.trees import Array

Sequences = NDArray[np.int64]
"""(N, L), letters 0 … B − 1."""

ENUMERABLE = 200_000
"""Most sequences that a sum over all of them may have."""


@dataclass(frozen=True)
class Landscape:
    """Log fitness f(x) = Σ_l h[l, x_l] + Σ_{i<j} J[i, j, x_i, x_j]; without J it is independent by site."""

    h: Array
    """(L, B)."""
    J: Array | None = None
    """(L, L, B, B), J[i, j, a, b] = J[j, i, b, a], 0 where i = j."""

    @property
    def sites(self) -> int:
        return len(self.h)

    @property
    def letters(self) -> int:
        return int(self.h.shape[1])

    def fields(self, x: Sequences) -> Array:
        """What each letter at each site is worth beside the others, (N, L, B)."""
        N, L = x.shape
        table: Array = np.repeat(self.h[None], N, axis=0)
        if self.J is not None:
            for j in range(L):
                table += self.J[:, j, :, :].transpose(2, 0, 1)[x[:, j]]
        return table

    def fitness(self, x: Sequences) -> Array:
        """Log fitness f of each sequence, (N,)."""
        own = self.h[np.arange(self.sites), x].sum(axis=1)
        if self.J is None:
            total: Array = own
            return total
        beside = np.take_along_axis(self.fields(x), x[..., None], axis=2)[..., 0].sum(axis=1)
        # The fields hold each h once and each coupling from both of its ends.
        paired: Array = (own + beside) / 2.0
        return paired


def site_independent(sites: int, letters: int, scale: float, rng: np.random.Generator) -> Landscape:
    """H ~ N(0, scale²)."""
    return Landscape(rng.normal(0.0, scale, (sites, letters)))


def potts(
    sites: int, letters: int, rng: np.random.Generator, *, scale: float, coupling: float, density: float
) -> Landscape:
    """H ~ N(0, scale²); a share `density` of the pairs of sites is coupled, J ~ N(0, coupling²)."""
    h = rng.normal(0.0, scale, (sites, letters))
    J = rng.normal(0.0, coupling, (sites, sites, letters, letters))
    J *= np.triu(rng.random((sites, sites)) < density, 1)[:, :, None, None]
    return Landscape(h, J + J.transpose(1, 0, 3, 2))


def all_sequences(sites: int, letters: int) -> Sequences:
    """All B^L sequences in lexicographic order.

    Raises:
        ValueError: there are more than `ENUMERABLE`.
    """
    if letters**sites > ENUMERABLE:
        raise ValueError(f"{letters}^{sites} sequences are too many to list; the most is {ENUMERABLE}.")
    grid = np.unravel_index(np.arange(letters**sites), (letters,) * sites)
    return np.stack(grid, axis=1).astype(np.int64)


def ranks(x: Sequences, letters: int) -> NDArray[np.int64]:
    """Where each sequence stands in `all_sequences`, (N,)."""
    place: NDArray[np.int64] = x @ (letters ** np.arange(x.shape[1] - 1, -1, -1, dtype=np.int64))
    return place


def log_boltzmann(landscape: Landscape, beta: float) -> Array:
    """Log p∞ of all B^L sequences: β f − log Z (Weinstein et al. 2022, equation 1)."""
    energies = beta * landscape.fitness(all_sequences(landscape.sites, landscape.letters))
    density: Array = energies - logsumexp(energies)
    return density


def divergence(log_p: Array, log_q: Array) -> float:
    """KL(p‖q) in nats of two densities over the same list of sequences."""
    held = np.isfinite(log_p)
    return float(np.sum(np.exp(log_p[held]) * (log_p[held] - log_q[held])))
