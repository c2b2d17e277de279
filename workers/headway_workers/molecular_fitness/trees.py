"""Phylogenies: Kingman's coalescent, star trees and mixtures of clades."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Tree:
    """A rooted tree with times, in units of the coalescent times its scale.

    Nodes 0 … leaves − 1 are the leaves, at time 0; every parent has a larger number than its children.
    """

    parent: Indices
    """Of each node, (nodes,); −1 for the root, which is the last."""
    time: Array
    """Of each node before the present, (nodes,)."""
    leaves: int

    @property
    def lengths(self) -> Array:
        """Of the branch above each node, (nodes,); 0 above the root."""
        above = np.where(self.parent < 0, np.arange(len(self.parent)), self.parent)
        lengths: Array = self.time[above] - self.time
        return lengths

    def generations(self) -> Iterator[Indices]:
        """The nodes at depth 1, 2, …: all of a generation can evolve at once."""
        parents = self.parent.tolist()
        depth = [0] * len(parents)
        for node in range(len(parents) - 2, -1, -1):
            depth[node] = depth[parents[node]] + 1
        depths = np.array(depth)
        order = np.argsort(depths, kind="stable")
        yield from np.split(order, np.cumsum(np.bincount(depths))[:-1])[1:]

    def path_lengths(self) -> Array:
        """Length of the path between every two leaves, (leaves, leaves): t_ij of Proposition 2.3."""
        paths = np.zeros((self.leaves, self.leaves))
        below: list[list[int]] = [[leaf] for leaf in range(self.leaves)]
        below += [[] for _ in range(len(self.parent) - self.leaves)]
        for node, parent in enumerate(self.parent[:-1]):
            both = np.ix_(below[node], below[parent])
            paths[both] = 2.0 * self.time[parent]
            paths.T[both] = 2.0 * self.time[parent]
            below[parent] += below[node]
        return paths


def kingman(leaves: int, scale: float, rng: np.random.Generator) -> Tree:
    """Kingman's coalescent: while k lineages are left, two merge at rate k (k − 1) / 2; times are × scale.

    A merger costs O(1): the last lineage takes the place of the one that is gone.

    Raises:
        ValueError: fewer than two leaves, or a scale that is not positive.
    """
    if leaves < 2 or scale <= 0.0:
        raise ValueError(
            f"A coalescent of {leaves} leaves at scale {scale}: give 2 or more, and a scale above 0."
        )
    k = np.arange(leaves, 1, -1)
    merged_at = np.cumsum(rng.exponential(2.0 / (k * (k - 1.0)))) * scale
    first = rng.integers(0, k).tolist()
    second = rng.integers(0, k - 1).tolist()
    lineages = list(range(leaves))
    parent = np.full(2 * leaves - 1, -1, dtype=np.intp)
    for merger, (i, j) in enumerate(zip(first, second, strict=True)):
        one, last = lineages[i], lineages.pop()
        if i < len(lineages):
            lineages[i] = last
        # The partner is one of the others, and its place goes to the two's ancestor.
        other = lineages[j]
        lineages[j] = leaves + merger
        parent[[one, other]] = leaves + merger
    return Tree(parent, np.concatenate([np.zeros(leaves), merged_at]), leaves)


def star(leaves: int, length: float) -> Tree:
    """Every leaf on a branch of its own: with long branches, independent draws (the pure fitness model)."""
    parent = np.full(leaves + 1, leaves, dtype=np.intp)
    parent[leaves] = -1
    return Tree(parent, np.append(np.zeros(leaves), length), leaves)


def clade_mixture(leaves: int, clades: int, depth: float, within: float, rng: np.random.Generator) -> Tree:
    """Stars of age `within` whose founders hang on a root at `depth`; each leaf draws its clade."""
    founders = leaves + np.arange(clades)
    parent = np.concatenate(
        [leaves + rng.integers(0, clades, leaves), np.full(clades, leaves + clades), [-1]]
    ).astype(np.intp)
    time = np.concatenate([np.zeros(leaves), np.full(len(founders), within), [depth]])
    return Tree(parent, time, leaves)
