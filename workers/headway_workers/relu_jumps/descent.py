"""Gradient descent on data that are not orthogonal: experiment 1 of the code of arXiv 2502.16977.

n inputs x_i in R^d, uniform directions, ‖x_i‖ ~ U(1, 2); |y_i| ~ U(1, 2) with fair signs. The network is
f(x) = (1/p) Σ_j a_j relu(w_j · x) with p neurons, w_j ~ U(−1/√d, 1/√d)^d (torch's default for a linear
layer) and |a_j| = ‖w_j‖ + Exp(1) with fair signs. Descent has rate `LEARNING_RATE` on p/(2n) Σ_i r_i² and
counts as successful once that is below p/(2n): "it will reach 0". That is an early stop, not interpolation
to round-off. For d < n there is no jump process to compare with; the authors' grid is the reference.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LEARNING_RATE = 1.0


def success_share(
    n: int,
    d: int,
    p: int,
    *,
    repeats: int,
    seed: int,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> float:
    """Share of `repeats` networks, each on data of its own, whose loss falls below p/(2n).

    All of them descend as one tensor program, for 1.5 √(np) log(np) / (4 · rate) steps at most. Draws are
    made on the processor, so that they are the same on every device.
    """
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(repeats, n, d, generator=rng, dtype=torch.float64)
    x *= (1.0 + torch.rand(repeats, n, 1, generator=rng, dtype=torch.float64)) / x.norm(dim=2, keepdim=True)
    y = _fair_signs((repeats, n, 1), rng) * (
        1.0 + torch.rand(repeats, n, 1, generator=rng, dtype=torch.float64)
    )
    w = (2.0 * torch.rand(repeats, d, p, generator=rng, dtype=torch.float64) - 1.0) / math.sqrt(d)
    size = w.norm(dim=1) - torch.rand(repeats, p, generator=rng, dtype=torch.float64).neg().log1p()
    a = _fair_signs((repeats, p), rng) * size
    x, y, w, a = (each.to(device, dtype) for each in (x, y, w, a[:, :, None]))
    steps = int(1.5 * math.sqrt(n * p) * math.log(n * p) / (4.0 * LEARNING_RATE))
    for _ in range(steps):
        descending = ~_step(x, y, w, a)
        if not descending.all():
            x, y, w, a = (each[descending] for each in (x, y, w, a))
        if not len(x):
            break
    return 1.0 - len(x) / repeats


def _step(x: Tensor, y: Tensor, w: Tensor, a: Tensor) -> Tensor:
    """One step of w (B, d, p) and a (B, p, 1) in place; whether the loss before it was small enough, (B,).

    With the loss p/(2n) ‖r‖² and the output over p, the factors p cancel in the gradient.
    """
    n = x.shape[1]
    relu = (x @ w).relu_()
    r = y - (relu @ a) / w.shape[2]
    grad_a = relu.mT @ r / n
    grad_w = x.mT @ ((relu > 0.0) * (r * a.mT)) / n
    a += LEARNING_RATE * grad_a
    w += LEARNING_RATE * grad_w
    small: Tensor = r.square().sum((1, 2)) < 1.0  # p/(2n) ‖r‖² < p/(2n)
    return small


def _fair_signs(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    return 2.0 * torch.randint(0, 2, shape, generator=rng).double() - 1.0
