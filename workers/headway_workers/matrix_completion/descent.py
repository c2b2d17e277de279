"""Descent on the factors, from a spectral start, by any of the algorithms (arXiv 2508.09685).

The start is the rank-r singular value decomposition U₀ Σ₀ V₀ᵀ of P_Ω(M)/p,

    X₀ = a U₀ Σ₀^½,        Y₀ = a V₀ Σ₀^½,

with σ₁ = (Σ₀)₁₁. The paper has a = 1; a smaller `init_scale` a starts nearer to the saddle at 0.
Everything keeps the dtype of M, float32 or float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from headway_workers.matrix_completion.algorithms import ALGORITHMS, Setting
from headway_workers.matrix_completion.observed import Matrix, Observed
from headway_workers.matrix_completion.residuals import DENSE_FROM, Residuals

DIVERGED = 1e3
"""A relative residual ‖R‖_F / ‖P_Ω(M)‖_F beyond this counts as divergence, as in the code of ScaledGD."""


@dataclass(frozen=True)
class Start:
    """Where descent begins, and the scale of its step."""

    X: NDArray[Any]
    """Shape (d1, r)."""
    Y: NDArray[Any]
    """Shape (d2, r)."""
    sigma1: float
    """Largest singular value of P_Ω(M)/p."""
    row_bounds: tuple[float, float]
    """2μrσ₁/d1 and 2μrσ₁/d2, with μ the incoherence of U₀ and V₀: the largest ‖row‖² d/r of their rows."""


@dataclass(frozen=True)
class Iterate:
    """The factors after some steps."""

    iteration: int
    """Steps taken; 0 at the start."""
    X: Matrix
    Y: Matrix
    relative_residual: float
    """‖R‖_F / ‖P_Ω(M)‖_F at these factors; finite unless they overflowed."""

    @property
    def diverged(self) -> bool:
        """Whether descent has left for infinity. The last iterate where it has."""
        return not self.relative_residual <= DIVERGED  # NaN too


def spectral_start(observed: Observed, rank: int, init_scale: float = 1.0) -> Start:
    """X₀ = a U₀ Σ₀^½ and Y₀ = a V₀ Σ₀^½, from the top `rank` singular triples of P_Ω(M)/p.

    Lanczos from a fixed vector, so the same matrix always gives the same start. Needs
    1 ≤ rank < min(d1, d2).
    """
    dtype = observed.values.dtype.type
    whole = observed.dense()[0] if observed.p >= DENSE_FROM else observed.sparse()
    scaled = whole / dtype(observed.p)
    v0 = np.ones(min(observed.shape), dtype=dtype)
    U, sigma, Vt = svds(scaled, k=rank, v0=v0)
    order = np.argsort(-sigma)
    U, sigma, V = U[:, order], sigma[order], Vt[order].T
    root = np.sqrt(sigma) * dtype(init_scale)
    d1, d2 = observed.shape
    mu = max(d1 * float((U * U).sum(1).max()), d2 * float((V * V).sum(1).max())) / rank
    bound = 2.0 * mu * rank * float(sigma[0])
    return Start(U * root, V * root, float(sigma[0]), (bound / d1, bound / d2))


def descend(
    seen: Residuals,
    start: Start,
    eta: float,
    iterations: int,
    *,
    algorithm: str = "VGD",
    lam: float = 0.0,
) -> Iterator[Iterate]:
    """The start and `iterations` further iterates, or fewer: the last one may be `diverged`.

    `eta` is the step in units of 1/σ₁ (ScaledGD: of 1; AltMin has none). The top direction of the Hessian
    at a solution is about 2σ₁, so a step near 1 swings and a step beyond it leaves.

    Raises:
        SingularFactor: ScaledGD or AltMin has no next step.
    """
    step = ALGORITHMS[algorithm].step
    at = Setting(seen, start.sigma1, eta, lam, start.row_bounds)
    X, Y = seen.place(start.X), seen.place(start.Y)
    norm = seen.norm(seen.values)
    for k in range(iterations + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # that is how divergence looks
            R = seen.residual(X, Y)
            iterate = Iterate(k, X, Y, seen.norm(R) / norm)
        yield iterate
        if iterate.diverged:
            return
        if k < iterations:
            with np.errstate(over="ignore", invalid="ignore"):
                X, Y = step(at, R, X, Y)


def imbalance(X: Matrix, Y: Matrix) -> Matrix:
    """XᵀX − YᵀY, shape (r, r)."""
    return X.T @ X - Y.T @ Y


def operations(seen: Residuals, algorithm: str, rank: int, iterations: int) -> float:
    """Floating-point operations of so many steps, a multiplication and an addition counted as two."""
    return ALGORITHMS[algorithm].operations(seen, rank) * iterations
