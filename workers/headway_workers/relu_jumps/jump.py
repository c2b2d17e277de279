"""The limit ε → 0 of the flow: a jump process from saddle to saddle, for a batch of networks at once.

Derived here (arXiv 2605.27097 proves that there is such a limit; its own algorithm was not read). Time is
counted in units of log(1/ε), τ = t / log(1/ε). While a set S of data is unfit and all neurons are
negligible, neuron j aligns with the labels of A_j ∩ S in a time that vanishes in these units, and then
grows exponentially: its log-size l_j, for which |a_j| = ε^(1 − l_j), has

    dl_j / dτ = rate_j = ‖y c restricted to A_j ∩ S‖ / n,                                             (1)

with c_i = ‖x_i‖. The neuron k that reaches l_k = 1 first, after

    Δτ = min_j (1 − l_j) / rate_j,                                                                     (2)

activates: it fits all of A_k ∩ S at once and ends with

    a_k² = ‖w_k‖² = ‖y / c restricted to A_k ∩ S‖ =: mass.                                              (3)

Then S loses A_k, and so on until no rate is positive. The loss is constant between jumps, 1/(2n) Σ_S y²,
and the squared norm is 2 Σ mass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from headway_workers.relu_jumps.problem import Patterns, Problem


@dataclass(frozen=True)
class Jumps:
    """The paths of B networks, float64 unless said otherwise; J is the length of the longest.

    After a path's last jump `tau` and `gap` are infinite, `mass` and `fitted` 0, `neuron` −1, and the loss
    stays what it is. J is at least 1, even where no network jumps at all.
    """

    tau: Tensor
    """Times of the jumps, shape (B, J)."""
    neuron: Tensor
    """Which neuron activates, shape (B, J), int64."""
    fitted: Tensor
    """How many data it fits, shape (B, J), int64."""
    mass: Tensor
    """a_k² of equation (3), shape (B, J)."""
    loss: Tensor
    """Loss after the jump, shape (B, J)."""
    gap: Tensor
    """How much later another neuron would have activated, had this one not; shape (B, J).

    Time differences, like `tau`. At a finite ε two neurons activate together, and share what they fit,
    where the gap is below about 3 / (rate log(1/ε)); labels ±1 make exact ties, gap 0, common at small n.
    Ties are broken by the neurons' order.
    """
    unfit: Tensor
    """How many data are never fitted, shape (B,), int64."""

    @property
    def count(self) -> Tensor:
        """How many jumps there are, shape (B,), int64."""
        return (self.neuron >= 0).sum(1)

    @property
    def squared_norm(self) -> Tensor:
        """Σ_j (a_j² + ‖w_j‖²) at the end, shape (B,)."""
        return 2.0 * self.mass.sum(1)

    @property
    def interpolates(self) -> Tensor:
        """Whether the loss ends at 0, shape (B,), bool."""
        return self.unfit == 0

    @property
    def tau_end(self) -> Tensor:
        """Time of the last jump, shape (B,); 0 where there is none."""
        return torch.where(self.neuron >= 0, self.tau, 0.0).amax(1)

    @property
    def min_gap(self) -> Tensor:
        """The smallest gap of a path, shape (B,)."""
        return self.gap.amin(1)


def jump_process(patterns: Patterns, problem: Problem, device: str = "cpu") -> Jumps:
    """Follow the networks from ε = 0 to their last saddle, as one tensor program on `device`.

    Data that every network of the batch has fitted leave the tensors whenever those have shrunk by half;
    a jump about halves what is unfit, so all jumps together cost little more than the first few, O(B m n).
    Rates are summed anew at each jump and not updated by differences: a rate is 0 exactly when nothing is
    left, which is what ends a path.
    """
    n, B = problem.n, len(patterns.output)
    fitting = torch.from_numpy(patterns.fitting(problem)).to(device, torch.float64)
    pull2, cost2, label2 = (
        torch.from_numpy(each).to(device).expand(B, n)
        for each in (problem.pull**2, problem.cost**2, problem.labels**2)
    )
    unfit = torch.ones(B, n, dtype=torch.float64, device=device)
    size = torch.zeros(B, fitting.shape[1], dtype=torch.float64, device=device)
    tau = torch.zeros(B, dtype=torch.float64, device=device)
    rows = torch.arange(B, device=device)
    jumps: list[tuple[Tensor, ...]] = []
    while True:
        rate = (fitting @ (pull2 * unfit)[:, :, None])[:, :, 0].sqrt() / n  # (1)
        wait = torch.where(rate > 0.0, (1.0 - size) / rate, math.inf)
        step, neuron = wait.min(1)  # (2)
        moves = torch.isfinite(step)
        if jumps and not moves.any():
            break
        tau += step
        size += torch.where(moves, step, 0.0)[:, None] * rate
        wait[rows, neuron] = math.inf
        gap = torch.where(moves, wait.amin(1) - step, math.inf)
        newly = fitting[rows, neuron] * unfit * moves[:, None]
        unfit = unfit - newly
        jumps.append((
            tau.clone(),
            torch.where(moves, neuron, -1),
            newly.sum(1).long(),
            (newly * cost2).sum(1).sqrt(),  # (3)
            (unfit * label2).sum(1) / (2 * n),
            gap,
        ))  # fmt: skip
        left = int(unfit.sum(1).max())
        if left <= unfit.shape[1] // 2:
            kept = unfit.argsort(dim=1, descending=True, stable=True)[:, : max(left, 1)]
            fitting = fitting.gather(2, kept[:, None, :].expand(-1, fitting.shape[1], -1))
            unfit, pull2, cost2, label2 = (each.gather(1, kept) for each in (unfit, pull2, cost2, label2))
    tau, neurons, fitted, mass, loss, gaps = (torch.stack(column, 1) for column in zip(*jumps, strict=True))
    return Jumps(tau, neurons, fitted, mass, loss, gaps, unfit.sum(1).long())
