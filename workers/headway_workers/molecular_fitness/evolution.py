"""Sequences, or a trait, down the branches of a tree: mutation and selection as a Markov chain in time.

A substitution x → y happens at rate Q(x, y) = μ S / (1 − e^{−S}), S = β (f(y) − f(x)). It satisfies
detailed balance with p∞ ∝ e^{βf} exactly, since S / (1 − e^{−S}) over its value at −S is e^S (ours: the
paper asks for a chain with this stationary law, after Sella and Hirsh 2005, and leaves its rates open).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headway_workers.molecular_fitness.landscapes import (
    Landscape,
    Sequences,
    all_sequences,
    log_boltzmann,
    ranks,
)
from headway_workers.molecular_fitness.trees import Array, Tree


def relative_rate(S: Array) -> Array:
    """S / (1 − e^{−S}), and its limit 1 at S = 0."""
    near = np.abs(S) < 1e-12
    safe = np.where(near, 1.0, S)
    rate: Array = np.where(near, 1.0 + S / 2.0, safe / -np.expm1(-safe))
    return rate


def generator(landscape: Landscape, beta: float, mu: float = 1.0) -> Array:
    """Q over all B^L sequences, (B^L, B^L), rows sum to 0: what the simulations below never build."""
    x = all_sequences(landscape.sites, landscape.letters)
    f = landscape.fitness(x)
    Q = np.zeros((len(x), len(x)))
    for site in range(landscape.sites):
        for letter in range(landscape.letters):
            y = x.copy()
            y[:, site] = letter
            to = ranks(y, landscape.letters)
            rows = np.flatnonzero(to != np.arange(len(x)))
            Q[rows, to[rows]] = mu * relative_rate(beta * (f[to[rows]] - f[rows]))
    Q[np.diag_indices(len(x))] = -Q.sum(axis=1)
    return Q


@dataclass(frozen=True)
class SiteChain:
    """The chains of independent sites, diagonalised: P_l(t) = left[l] e^{t λ[l]} right[l].

    √π Q /√π is symmetric where detailed balance holds, so that its eigenvectors are orthonormal.
    """

    stationary: Array
    """(L, B)."""
    left: Array
    """(L, B, B)."""
    eigenvalues: Array
    """(L, B), none positive."""
    right: Array
    """(L, B, B)."""

    @classmethod
    def of(cls, landscape: Landscape, beta: float, mu: float = 1.0) -> SiteChain:
        """The chains of a landscape that is independent by site."""
        single = [Landscape(row[None]) for row in landscape.h]
        pi = np.exp(np.stack([log_boltzmann(one, beta) for one in single]))
        root = np.sqrt(pi)
        Q = np.stack([generator(one, beta, mu) for one in single])
        symmetric = root[:, :, None] * Q / root[:, None, :]
        values, vectors = np.linalg.eigh((symmetric + symmetric.transpose(0, 2, 1)) / 2.0)
        return cls(
            pi,
            vectors / root[:, :, None],
            np.minimum(values, 0.0),
            vectors.transpose(0, 2, 1) * root[:, None, :],
        )

    def transition(self, x: Sequences, t: Array) -> Array:
        """Distribution of each site t after state x, (N, L, B), for x (N, L) and t (N,)."""
        sites = np.arange(len(self.stationary))
        decayed = self.left[sites, x] * np.exp(t[:, None, None] * self.eigenvalues)
        moved = np.einsum("nlk,lkb->nlb", decayed, self.right)
        positive: Array = np.clip(moved, 0.0, None)
        return positive


def evolve(tree: Tree, landscape: Landscape, beta: float, mu: float, rng: np.random.Generator) -> Sequences:
    """Leaves of a tree whose root is drawn from p∞, (leaves, L).

    Independent sites jump by their exact transition matrices, a generation of the tree at a time; coupled
    ones by Gillespie's algorithm.

    Raises:
        ValueError: the sites are coupled, and the sequences too many to draw the root from all of them.
    """
    x = np.zeros((len(tree.parent), landscape.sites), dtype=np.int64)
    chain = SiteChain.of(landscape, beta, mu) if landscape.J is None else None
    if chain is None:
        density = np.exp(log_boltzmann(landscape, beta))
        place = rng.choice(len(density), p=density / density.sum())
        x[-1] = np.unravel_index(place, (landscape.letters,) * landscape.sites)
    else:
        x[-1] = draw(chain.stationary[None], rng)[0]
    for nodes in tree.generations():
        before, t = x[tree.parent[nodes]], tree.lengths[nodes]
        if chain is None:
            x[nodes] = gillespie(before, t, landscape, beta=beta, mu=mu, rng=rng)
        else:
            x[nodes] = draw(chain.transition(before, t), rng)
    return x[: tree.leaves]


def draw(probabilities: Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """A letter from each distribution along the last axis, which need not be normalised."""
    cumulative = probabilities.cumsum(axis=-1)
    thrown = rng.random(probabilities.shape[:-1]) * cumulative[..., -1]
    letters: NDArray[np.int64] = (cumulative[..., :-1] <= thrown[..., None]).sum(axis=-1)
    return letters


def gillespie(
    x: Sequences, t: Array, landscape: Landscape, *, beta: float, mu: float, rng: np.random.Generator
) -> Sequences:
    """Each sequence after its own time t, event by event, all lineages side by side.

    An event costs O(L B): a table of local fields (N, L, B) is kept, and only J's column moves it.
    """
    x, left = x.copy(), np.array(t, dtype=float)
    fields = landscape.fields(x)
    L, B = landscape.h.shape
    alive = np.arange(len(x))
    while len(alive):
        table, state = fields[alive], x[alive]
        here = np.take_along_axis(table, state[..., None], axis=2)
        rates = mu * relative_rate(beta * (table - here))
        np.put_along_axis(rates, state[..., None], 0.0, axis=2)
        flat = rates.reshape(len(alive), L * B)
        left[alive] -= rng.exponential(1.0, len(alive)) / flat.sum(axis=1)
        moves = left[alive] > 0.0
        alive = alive[moves]
        site, letter = np.divmod(draw(flat[moves], rng), B)
        if landscape.J is not None:
            J = landscape.J.transpose(1, 3, 0, 2)
            fields[alive] += J[site, letter] - J[site, x[alive, site]]
        x[alive, site] = letter
    return x


def evolve_trait(tree: Tree, mean: float, sd: float, draws: int, rng: np.random.Generator) -> Array:
    """Leaves of an Ornstein-Uhlenbeck trait on a tree, (draws, leaves); Σ_ij = σ² e^{−t_ij/2} (Prop. 2.3).

    The paper's text prints the mean of a step as x₀ e^{−τ/2} + μ; with N(μ, σ²) stationary it has to be
    μ + (x₀ − μ) e^{−τ/2}, which stands here.
    """
    trait = np.empty((draws, len(tree.parent)))
    trait[:, -1] = rng.normal(mean, sd, draws)
    for nodes in tree.generations():
        kept = np.exp(-tree.lengths[nodes] / 2.0)
        noise = rng.normal(size=(draws, len(nodes))) * sd * np.sqrt(1.0 - kept**2)
        trait[:, nodes] = mean + (trait[:, tree.parent[nodes]] - mean) * kept + noise
    return trait[:, : tree.leaves]
