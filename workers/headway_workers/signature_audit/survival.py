"""Survival statistics of thousands of risk scores at once, on a CPU or another device.

Scores are tensors of shape (B, n): B scores of n patients, float64. A higher score means a higher risk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.floating[Any]]
Ties = Literal["breslow", "hypergeometric"]

BLOCK = 512
"""Scores compared at once: their comparisons stay in the cache."""


@dataclass(frozen=True)
class Survival:
    """Right-censored times of n patients.

    Raises:
        ValueError: shapes differ, a time is negative or not finite, or nobody had an event.
    """

    time: Array
    """Until the event or the end of follow-up, in any unit, shape (n,)."""
    event: NDArray[np.bool_]
    """Whether it ended with an event, shape (n,)."""

    def __post_init__(self) -> None:
        if self.time.shape != self.event.shape or self.time.ndim != 1:
            raise ValueError(
                f"time has shape {self.time.shape} and event {self.event.shape}: give (n,) each."
            )
        if not (np.isfinite(self.time) & (self.time >= 0)).all():
            bad = int(np.flatnonzero(~(np.isfinite(self.time) & (self.time >= 0)))[0])
            raise ValueError(f"time[{bad}] = {self.time[bad]}: times are finite and not negative.")
        if not self.event.any():
            raise ValueError("event holds no event: a cohort without events says nothing about risk.")

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, chosen: NDArray[Any]) -> Survival:
        return Survival(self.time[chosen], self.event[chosen])

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Patients by time, at equal times those with an event first."""
        return np.lexsort((~self.event, self.time))

    @cached_property
    def deaths(self) -> list[tuple[int, int, int]]:
        """At each distinct event time, places in `order`: where the risk set begins (it is a suffix), and
        the first event and the place after the last one.
        """
        time, event = self.time[self.order], self.event[self.order]
        found = []
        for moment in np.unique(time[event]):
            first = int(np.searchsorted(time, moment))
            last = first + int(event[first : int(np.searchsorted(time, moment, side="right"))].sum())
            found.append((first, first, last))
        return found


def concordance(scores: Tensor, survival: Survival) -> Tensor:
    """Harrell's C of each score, shape (B,).

    A pair is comparable if the shorter time is an event's; at equal times, an event with a censoring. A
    tied score counts one half (Harrell, Lee & Mark 1996). ½ where no pair is comparable.
    """
    S = scores[:, torch.as_tensor(survival.order, device=scores.device)]
    n = len(survival)
    pairs = sum((last - first) * (n - last) for _, first, last in survival.deaths)
    if pairs == 0:
        return torch.full((len(S),), 0.5, dtype=torch.float64, device=S.device)
    found = []
    for block in torch.split(S, BLOCK):
        by_patient = _ranks(block).T.contiguous()
        signs = torch.zeros_like(by_patient)
        for _, first, last in survival.deaths:
            for i in range(first, last):
                # The sign of a difference of whole numbers; sums of signs stay below n in size.
                signs[last:] += (by_patient[i] - by_patient[last:]).clamp_(-1, 1)
        found.append(0.5 + signs.sum(dim=0, dtype=torch.float64) / (2.0 * pairs))
    return torch.cat(found)


def _ranks(scores: Tensor) -> Tensor:
    """Dense ranks within each score, in the smallest type that holds them: comparing is what takes long."""
    ordered, places = scores.sort(dim=1)
    steps = torch.zeros_like(places)
    steps[:, 1:] = (ordered[:, 1:] > ordered[:, :-1]).cumsum(dim=1)
    ranks = torch.empty_like(steps).scatter_(1, places, steps)
    return ranks.to(torch.int16 if scores.shape[1] < 2**15 else torch.int32)


class CoxScore:
    """The score test of a univariate Cox model at β = 0, for any number of covariates.

    With R_k the n_k patients at risk at the k-th event time, d_k events among them, and x̄_k the mean of x
    over R_k (Cox 1972),

        U = Σ_events x_i − Σ_k d_k x̄_k        V = Σ_k v_k (mean over R_k of x² − x̄_k²)        z = U/√V

    v_k = d_k under Breslow's ties, d_k (n_k − d_k)/(n_k − 1) under hypergeometric ones, with which z² of a
    binary x is the log-rank statistic whatever the ties. Without ties the two agree.
    """

    def __init__(self, survival: Survival, *, ties: Ties = "breslow", device: str = "cpu") -> None:
        n, order = len(survival), survival.order
        deaths = survival.deaths
        at_risk = np.array([n - first for first, _, _ in deaths], dtype=float)
        d = np.array([last - first for _, first, last in deaths], dtype=float)
        v = d if ties == "breslow" else d * (at_risk - d) / np.maximum(at_risk - 1.0, 1.0)
        averages = np.zeros((len(deaths), n))
        for k, (start, _, _) in enumerate(deaths):
            averages[k, order[start:]] = 1.0 / at_risk[k]

        def tensor(values: Array) -> Tensor:
            return torch.as_tensor(values, dtype=torch.float64, device=device)

        self._residual = tensor(survival.event - d @ averages)
        self._square = tensor(v @ averages)
        self._means = tensor(np.sqrt(v)[:, None] * averages).T.contiguous()

    def __call__(self, scores: Tensor) -> Tensor:
        """Z of each score, shape (B,); 0 where a score does not vary among those at risk."""
        x = scores - scores.mean(dim=1, keepdim=True)
        U = x @ self._residual
        squares = (x * x) @ self._square
        V = squares - ((x @ self._means) ** 2).sum(dim=1)
        varies = 1e-12 * squares.clamp_min(1e-300) < V
        return torch.where(varies, U / V.clamp_min(1e-300).sqrt(), torch.zeros_like(U))


def scores_of(values: Array, device: str = "cpu") -> Tensor:
    """Scores as a tensor of shape (B, n), from shape (B, n) or (n,)."""
    return torch.as_tensor(np.atleast_2d(values), dtype=torch.float64, device=device)
