"""Multilayer perceptrons that correct the influence matrix: several of one shape, trained side by side.

All folds of a cross-validation are one tensor program: weights of shape (F, in, out), batches of shape
(F, b, d), and a batched product for F of them, on any torch device. Random numbers are drawn on the
processor, so that the device changes nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headway_workers.team_influence.teams import Array

STEPS = 600
BATCH = 64


@dataclass(frozen=True)
class Recipe:
    """Shape and training of a perceptron."""

    width: int
    depth: int
    """Hidden layers."""
    dropout: float
    """Share of hidden units that a step leaves out."""
    learning_rate: float
    weight_decay: float
    """AdamW's, decoupled."""


class Perceptrons:
    """F networks d → width → … → out with ReLU and dropout; `shape` is (F, d, out).

    They begin as the function 0, since their last layers do.
    """

    def __init__(self, recipe: Recipe, shape: tuple[int, int, int], *, seed: int, device: str) -> None:
        self.recipe = recipe
        count, inputs, outputs = shape
        self.random = torch.Generator().manual_seed(seed)
        sizes = [inputs, *[recipe.width] * recipe.depth, outputs]
        self.layers: list[tuple[Tensor, Tensor]] = []
        for i, (into, out) in enumerate(pairwise(sizes)):
            scale = 0.0 if i == recipe.depth else (2.0 / max(into, 1)) ** 0.5
            weight = scale * torch.randn(into, out, generator=self.random)  # the same start for every fold
            self.layers.append(
                (
                    weight.expand(count, -1, -1).clone().to(device).requires_grad_(),
                    torch.zeros(count, 1, out, device=device, requires_grad=True),
                )
            )

    def __call__(self, X: Tensor, *, training: bool = False) -> Tensor:
        """Outputs (F, b, out) for inputs (F, b, d)."""
        for i, (weight, bias) in enumerate(self.layers):
            X = torch.baddbmm(bias, X, weight)
            if i == self.recipe.depth:
                break
            X = torch.relu(X)
            if training and self.recipe.dropout > 0.0:
                kept = torch.rand(X.shape, generator=self.random) >= self.recipe.dropout
                X = X * (kept.to(X.device) / (1.0 - self.recipe.dropout))
        return X


def trained(
    recipe: Recipe,
    X: Sequence[Array],
    Y: Sequence[Array],
    *,
    seed: int,
    device: str = "cpu",
    late: Callable[[], bool] = lambda: False,
) -> Callable[[Sequence[Array]], list[Array]] | None:
    """Train one perceptron per pair of X[f] (N_f × d) and Y[f] (N_f × out), in float32; returns what
    predicts from one array of inputs for each. None where `late` said that time was up.

    Each step draws a batch of 64 rows per fold; the loss is the mean squared error.
    """
    rng = np.random.default_rng(seed)
    inputs, aims = _padded(X, device), _padded(Y, device)
    lengths = np.array([len(rows) for rows in X])
    fold = torch.arange(len(X), device=device)[:, None]
    networks = Perceptrons(recipe, (len(X), inputs.shape[-1], aims.shape[-1]), seed=seed, device=device)
    weights = [weight for weight, _ in networks.layers]
    biases = [bias for _, bias in networks.layers]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(
        groups,
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )
    for step in range(STEPS):
        if step % 20 == 0 and late():
            return None
        drawn = torch.from_numpy(_batch(rng, lengths)).to(device)
        # A sum over folds: each network's gradient is that of its own mean squared error.
        error = networks(inputs[fold, drawn], training=True) - aims[fold, drawn]
        loss = error.square().mean(dim=(1, 2)).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        optimiser.step()

    def predict(rows: Sequence[Array]) -> list[Array]:
        with torch.no_grad():
            out = networks(_padded(rows, device)).cpu().numpy().astype(np.float64)
        return [values[: len(given)] for values, given in zip(out, rows, strict=True)]

    return predict


def _batch(rng: np.random.Generator, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return (rng.random((len(lengths), BATCH)) * lengths[:, None]).astype(np.int64)


def _padded(rows: Sequence[Array], device: str) -> Tensor:
    """Shape (F, longest, d), float32; zeros beyond a shorter one's end."""
    longest = max(len(one) for one in rows)
    padded = np.zeros((len(rows), longest, rows[0].shape[1]), dtype=np.float32)
    for place, one in zip(padded, rows, strict=True):
        place[: len(one)] = one
    return torch.from_numpy(padded).to(device)
