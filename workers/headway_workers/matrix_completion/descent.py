"""Vanilla gradient descent for matrix completion, with a spectral start (arXiv 2508.09685).

A matrix M (d1 × d2) of rank about r is seen on a random set Ω of entries, each with probability p. With
factors X (d1 × r) and Y (d2 × r), the loss without any regulariser is the paper's problem (2),

    f(X, Y) = 1/(2p) ‖P_Ω(X Yᵀ − M)‖²_F,        R = P_Ω(X Yᵀ − M),

where P_Ω keeps the entries of Ω and sets the others to 0. Both factors step at once,

    X⁺ = X − (η/σ₁) R Y / p,        Y⁺ = Y − (η/σ₁) Rᵀ X / p,

from the rank-r singular value decomposition U₀ Σ₀ V₀ᵀ of P_Ω(M)/p,

    X₀ = a U₀ Σ₀^½,        Y₀ = a V₀ Σ₀^½,

with σ₁ = (Σ₀)₁₁. The paper has a = 1; a smaller `init_scale` a starts nearer to the saddle at 0.

The residual is computed densely: X Yᵀ as one product, then masked. Below a few percent of seen entries a
product over Ω alone would be cheaper. Everything keeps the dtype of M, float32 or float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

Matrix: TypeAlias = NDArray[Any]
"""A real matrix, float32 or float64."""

DIVERGED = 1e3
"""A relative residual ‖R‖_F / ‖P_Ω(M)‖_F beyond this counts as divergence, as in the code of ScaledGD."""


@dataclass(frozen=True)
class Sampled:
    """The entries of M that were seen."""

    values: Matrix
    """P_Ω(M), shape (d1, d2): 0 where nothing was seen."""
    mask: Matrix
    """1 on Ω and 0 off it, shape (d1, d2), same dtype as `values`."""

    @property
    def p(self) -> float:
        """Share of entries that were seen."""
        return float(self.mask.mean(dtype=np.float64))


@dataclass(frozen=True)
class Start:
    """Where descent begins, and the scale of its step."""

    X: Matrix
    """Shape (d1, r)."""
    Y: Matrix
    """Shape (d2, r)."""
    sigma1: float
    """Largest singular value of P_Ω(M)/p."""


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


def spectral_start(sampled: Sampled, rank: int, init_scale: float = 1.0) -> Start:
    """X₀ = a U₀ Σ₀^½ and Y₀ = a V₀ Σ₀^½, from the top `rank` singular triples of P_Ω(M)/p.

    Lanczos from a fixed vector, so the same matrix always gives the same start. Needs
    1 ≤ rank < min(d1, d2).
    """
    scaled = sampled.values / sampled.values.dtype.type(sampled.p)
    v0 = np.ones(min(scaled.shape), dtype=scaled.dtype)
    U, sigma, Vt = svds(scaled, k=rank, v0=v0)
    order = np.argsort(-sigma)
    root = np.sqrt(sigma[order]) * sigma.dtype.type(init_scale)
    return Start(U[:, order] * root, Vt[order].T * root, float(sigma[order[0]]))


def residual(sampled: Sampled, X: Matrix, Y: Matrix) -> Matrix:
    """R = P_Ω(X Yᵀ − M), shape (d1, d2)."""
    R: Matrix = X @ Y.T
    R *= sampled.mask
    R -= sampled.values
    return R


def loss(sampled: Sampled, X: Matrix, Y: Matrix) -> Any:
    """f(X, Y) of problem (2); a polynomial, so complex factors give its analytic continuation."""
    return (residual(sampled, X, Y) ** 2).sum() / (2 * sampled.p)


def gradient(R: Matrix, X: Matrix, Y: Matrix, p: float) -> tuple[Matrix, Matrix]:
    """∇f = (R Y / p, Rᵀ X / p), shapes (d1, r) and (d2, r), at the residual R of (X, Y)."""
    scale = R.dtype.type(1.0 / p)
    return (R @ Y) * scale, (R.T @ X) * scale


def descend(sampled: Sampled, start: Start, eta: float, iterations: int) -> Iterator[Iterate]:
    """The start and `iterations` further iterates, or fewer: the last one may be `diverged`.

    `eta` is the step in units of 1/σ₁. The top direction of the Hessian at a solution is about 2σ₁, so a
    step near 1 swings and a step beyond it leaves.
    """
    X, Y, p = start.X, start.Y, sampled.p
    step = X.dtype.type(eta / start.sigma1)
    norm = float(np.linalg.norm(sampled.values))
    for k in range(iterations + 1):
        R = residual(sampled, X, Y)
        iterate = Iterate(k, X, Y, float(np.linalg.norm(R)) / norm)
        yield iterate
        if iterate.diverged:
            return
        GX, GY = gradient(R, X, Y, p)
        X, Y = X - step * GX, Y - step * GY


def operations(shape: tuple[int, int], rank: int, iterations: int) -> float:
    """Floating-point operations of dense descent: three products of 2 d1 d2 r each an iteration."""
    d1, d2 = shape
    return 6.0 * d1 * d2 * rank * iterations
