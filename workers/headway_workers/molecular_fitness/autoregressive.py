"""Autoregressive models of sequences: contexts of the last `lag` letters, and a linear model of the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.trees import Array

_RIDGE = 1e-4
"""Keeps the weights of letters that never follow a context finite."""
_ITERATIONS = 300


class Autoregressive(Protocol):
    """Anything that gives the next letter's distribution from the last `lag` letters."""

    def conditionals(self, x: Sequences) -> Array:
        """q(letter | prefix) at every site of every sequence, (N, L, B)."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Every letter is as likely as every other, whatever went before."""

    letters: int

    def conditionals(self, x: Sequences) -> Array:
        """1 / B, (N, L, B)."""
        return np.full((*x.shape, self.letters), 1.0 / self.letters)


def padded(x: Sequences, lag: int, letters: int) -> Sequences:
    """With `lag` start letters (B) before each sequence; what is beyond its end is a start letter too."""
    before = np.full((len(x), lag), letters, dtype=np.int64)
    return np.hstack([before, np.where(x >= 0, x, letters)])


def contexts(x: Sequences, lag: int, letters: int) -> NDArray[np.int64]:
    """A number for the last `lag` letters before each site, (N, L); equal numbers are equal contexts.

    Start padding makes the context tell how far the start is, as long as it is within `lag`.

    Raises:
        ValueError: the numbers do not fit into 63 bits.
    """
    if (letters + 1) ** lag >= 2**63:
        raise ValueError(f"lag = {lag} contexts of {letters} letters do not fit into 63 bits; choose less.")
    tokens = padded(x, lag, letters)
    number = np.zeros(x.shape, dtype=np.int64)
    for back in range(lag, 0, -1):
        number = number * (letters + 1) + tokens[:, lag - back : tokens.shape[1] - back]
    return number


@dataclass(frozen=True)
class LinearAutoregressive:
    """softmax(b + Σ_j W_j one-hot(x_{l−j})): the linear embedded model of BEAR's authors."""

    bias: Array
    """(B,)."""
    weights: Array
    """(lag, B + 1, B); the last row is the start letter's."""
    converged: bool

    @classmethod
    def fit(cls, sample: Sample, lag: int) -> LinearAutoregressive:
        """Maximum likelihood by L-BFGS, with a ridge of 1e-4 on the mean log-likelihood."""
        B = sample.letters
        # Contexts that occur often are one row with counts.
        keys = contexts(sample.x, lag, B)
        _, first, row = np.unique(keys, return_index=True, return_inverse=True)
        row = row.reshape(keys.shape)
        counts = np.zeros((len(first), B))
        held = sample.x >= 0
        np.add.at(
            counts, (row[held], sample.x[held]), np.broadcast_to(sample.weights[:, None], row.shape)[held]
        )
        total = counts.sum()
        hot = _one_hot_contexts(sample.x, lag, B).reshape(-1, lag * (B + 1))[first]

        def loss(parameters: Array) -> tuple[float, Array]:
            b, W = parameters[:B], parameters[B:].reshape(-1, B)
            log_q = log_softmax(hot @ W + b, axis=1)
            residual = (np.exp(log_q) * counts.sum(axis=1, keepdims=True) - counts) / total
            value = -float((counts * log_q).sum()) / total + _RIDGE * float((W**2).sum())
            return value, np.concatenate([residual.sum(axis=0), (hot.T @ residual + 2 * _RIDGE * W).ravel()])

        start = np.zeros(B + lag * (B + 1) * B)
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
        return cls(found.x[:B], found.x[B:].reshape(lag, B + 1, B), bool(found.success))

    def conditionals(self, x: Sequences) -> Array:
        """q(letter | last lag letters), (N, L, B)."""
        lag, tokens, B = self.weights.shape
        logits = _one_hot_contexts(x, lag, B).reshape(*x.shape, lag * tokens) @ self.weights.reshape(-1, B)
        q: Array = np.exp(log_softmax(logits + self.bias, axis=2))
        return q

    def log_density(self, x: Sequences) -> Array:
        """Log q, (N,), up to each sequence's end."""
        return log_density(self, x)


def log_density(model: Autoregressive, x: Sequences) -> Array:
    """Σ_l log q(x_l | prefix), (N,)."""
    rows = np.take_along_axis(model.conditionals(x), np.maximum(x, 0)[..., None], axis=2)[..., 0]
    total: Array = np.where(x >= 0, np.log(rows), 0.0).sum(axis=1)
    return total


def _one_hot_contexts(x: Sequences, lag: int, letters: int) -> Array:
    """(N, L, lag, B + 1), the nearest letter first."""
    tokens = padded(x, lag, letters)
    back = np.stack([tokens[:, lag - j : tokens.shape[1] - j] for j in range(1, lag + 1)], axis=2)
    hot: Array = (back[..., None] == np.arange(letters + 1)).astype(float)
    return hot
