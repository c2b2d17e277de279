"""Random gene sets, and the scores of thousands of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

Sets = NDArray[np.integer[Any]]

ROWS = 4_000_000
"""Random keys held at once while large sets are drawn."""
SWEEPS = 40
"""Power iterations for the first principal component."""


def random_sets(universe: int, size: int, count: int, rng: np.random.Generator) -> Sets:
    """Gene sets without repetition, uniform among those of that size; shape (count, size).

    Raises:
        ValueError: a set would be empty or larger than the universe.
    """
    if not 1 <= size <= universe:
        raise ValueError(f"size = {size}: a set has from 1 gene to all {universe} of the universe.")
    if size * size <= universe:  # repetitions are rare: sets that have one are drawn again
        sets = rng.integers(universe, size=(count, size))
        while len(again := np.flatnonzero((np.diff(np.sort(sets, axis=1), axis=1) == 0).any(axis=1))):
            sets[again] = rng.integers(universe, size=(len(again), size))
        return sets
    block = max(1, ROWS // universe)
    parts = [
        np.argpartition(rng.random((min(block, count - start), universe)), size - 1, axis=1)[:, :size]
        for start in range(0, count, block)
    ]
    return np.concatenate(parts)


def weighted_scores(genes: Tensor, sets: Tensor, weights: Tensor | None = None) -> Tensor:
    """s_b = Σ_j w_bj x_(sets_bj) / size, the score of each set.

    `genes` is (G, n), `sets` (B, size), `weights` (B, size) or None for a plain mean; (B, n) comes back.
    """
    if weights is None:
        return embedding_bag(sets, genes, mode="mean")
    return embedding_bag(sets, genes, mode="sum", per_sample_weights=weights) / sets.shape[1]


def principal_weights(genes: Tensor, sets: Tensor) -> Tensor:
    """Loadings of each set's first principal component over patients, unit length, shape (B, size).

    `genes` is (G, n), centred over the patients. By power iteration on the k × k or the n × n Gram matrix,
    whichever is smaller; the sign is that of the loadings' sum.
    """
    found = []
    block = max(1, ROWS // (sets.shape[1] * genes.shape[1]))
    for chosen in torch.split(sets, block):
        X = genes[chosen]
        small = X.shape[1] <= X.shape[2]
        gram = X @ X.mT if small else X.mT @ X
        # The start has a part of every eigenvector: the row of the largest diagonal entry.
        largest = torch.diagonal(gram, dim1=1, dim2=2).argmax(dim=1)
        vector = gram[torch.arange(len(gram), device=gram.device), largest]
        for _ in range(SWEEPS):
            vector = torch.einsum("bij,bj->bi", gram, vector)
            vector = vector / vector.norm(dim=1, keepdim=True).clamp_min(1e-300)
        loadings = vector if small else torch.einsum("bkn,bn->bk", X, vector)
        loadings = loadings / loadings.norm(dim=1, keepdim=True).clamp_min(1e-300)
        sign = torch.where(loadings.sum(dim=1, keepdim=True) < 0, -1.0, 1.0)
        found.append(loadings * sign)
    return torch.cat(found)
