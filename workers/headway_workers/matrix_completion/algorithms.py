"""One step of each algorithm, behind one interface.

With factors X (d1 × r) and Y (d2 × r), the loss without any regulariser is problem (2) of arXiv 2508.09685,

    f(X, Y) = 1/(2p) ‖P_Ω(X Yᵀ − M)‖²_F,    ∇f = (R Y / p, Rᵀ X / p),    R = P_Ω(X Yᵀ − M).

Vanilla gradient descent steps on both factors at once,

    X⁺ = X − (η/σ₁) R Y / p,        Y⁺ = Y − (η/σ₁) Rᵀ X / p,

with σ₁ the largest singular value of P_Ω(M)/p. The other algorithms add to that, or replace it. Where a
regulariser has a weight λ, it is free of M's units: multiplying M by c multiplies every iterate by √c.
The paper's own problems (3) and (4), its RGD and BGD, were not available to us: what stands here under
those names are our readings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from headway_workers.matrix_completion.observed import Matrix
from headway_workers.matrix_completion.residuals import Residuals


class SingularFactor(ArithmeticError):
    """XᵀX or YᵀY has no inverse, so that the algorithm has no next step."""


@dataclass(frozen=True)
class Setting:
    """What a step needs beside the factors."""

    seen: Residuals
    sigma1: float
    """Largest singular value of P_Ω(M)/p."""
    eta: float
    """Step in units of 1/σ₁; for ScaledGD, of 1."""
    lam: float
    """Weight λ of the regulariser, where there is one."""
    row_bounds: tuple[float, float]
    """Squared norms 2μrσ₁/d1 and 2μrσ₁/d2 that the rows of X and Y should not exceed."""


Factors = tuple[Matrix, Matrix]
Step = Callable[[Setting, Matrix, Matrix, Matrix], Factors]


def gradient(R: Matrix, X: Matrix, Y: Matrix, p: float) -> Factors:
    """∇f = (R Y / p, Rᵀ X / p), shapes (d1, r) and (d2, r), at the residual R of (X, Y)."""
    return (R @ Y) * (1.0 / p), (R.T @ X) * (1.0 / p)


def vanilla(at: Setting, R: Matrix, X: Matrix, Y: Matrix) -> Factors:
    """VGD: gradient descent on f."""
    GX, GY = gradient(R, X, Y, at.seen.p)
    step = at.eta / at.sigma1
    return X - step * GX, Y - step * GY


def balanced(at: Setting, R: Matrix, X: Matrix, Y: Matrix) -> Factors:
    """BGD: gradient descent on f + λ/4 ‖XᵀX − YᵀY‖²_F, whose gradient adds λX(XᵀX − YᵀY), −λY(XᵀX − YᵀY)."""
    GX, GY = gradient(R, X, Y, at.seen.p)
    D = X.T @ X - Y.T @ Y
    step = at.eta / at.sigma1
    return X - step * (GX + at.lam * (X @ D)), Y - step * (GY - at.lam * (Y @ D))


def frobenius(at: Setting, R: Matrix, X: Matrix, Y: Matrix) -> Factors:
    """RGD, first reading: gradient descent on f + λσ₁/2 (‖X‖²_F + ‖Y‖²_F)."""
    GX, GY = gradient(R, X, Y, at.seen.p)
    step = at.eta / at.sigma1
    shrunk = 1.0 - at.eta * at.lam
    return shrunk * X - step * GX, shrunk * Y - step * GY


def row_norms(at: Setting, R: Matrix, X: Matrix, Y: Matrix) -> Factors:
    """RGD, second reading: gradient descent on f + λσ₁/4 Σᵢ aᵢ (‖row i‖²/aᵢ − 1)₊², over the rows of X and Y.

    aᵢ is the row bound of X or of Y. Nothing is added while no row exceeds it.
    """
    GX, GY = gradient(R, X, Y, at.seen.p)
    step = at.eta / at.sigma1
    X_new, Y_new = X - step * GX, Y - step * GY
    X_new -= at.eta * at.lam * _excess(X, at.row_bounds[0]) * X
    Y_new -= at.eta * at.lam * _excess(Y, at.row_bounds[1]) * Y
    return X_new, Y_new


def projected(at: Setting, R: Matrix, X: Matrix, Y: Matrix) -> Factors:
    """PGD: as VGD, then rows that exceed their bound are shortened to it."""
    X, Y = vanilla(at, R, X, Y)
    return _clipped(X, at.row_bounds[0]), _clipped(Y, at.row_bounds[1])


def scaled(at: Setting, R: Matrix, X: Matrix, Y: Matrix) -> Factors:
    """ScaledGD (Tong, Ma, Chi 2021): X⁺ = X − η ∇_X f (YᵀY)⁻¹, Y⁺ = Y − η ∇_Y f (XᵀX)⁻¹.

    Raises:
        SingularFactor: YᵀY or XᵀX has no inverse.
    """
    GX, GY = gradient(R, X, Y, at.seen.p)
    return X - at.eta * _divided(GX, Y.T @ Y), Y - at.eta * _divided(GY, X.T @ X)


def alternating(at: Setting, R: Matrix, X: Matrix, Y: Matrix) -> Factors:  # noqa: ARG001 - solved anew
    """AltMin: the least-squares X for this Y, row by row, then the least-squares Y for that X.

    Raises:
        SingularFactor: a row's equations have no solution even with their ridge.
    """
    X = _least_squares(at.seen.mask, at.seen.values, Y)
    return X, _least_squares(at.seen.mask.T, at.seen.values.T, X)


def _excess(factor: Matrix, bound: float) -> Matrix:
    """(‖row i‖²/a − 1)₊, shape (d, 1)."""
    squared = (factor * factor).sum(1)
    return (squared * (1.0 / bound) - 1.0).clip(min=0.0)[:, None]


def _clipped(factor: Matrix, bound: float) -> Matrix:
    squared = (factor * factor).sum(1)
    return factor * ((squared * (1.0 / bound)).clip(min=1.0) ** -0.5)[:, None]


def _divided(G: Matrix, gram: Matrix) -> Matrix:
    """G · gram⁻¹ for a symmetric gram, shapes (d, r) and (r, r)."""
    return _solve(gram, G.T).T


def _least_squares(mask: Matrix, values: Matrix, Y: Matrix) -> Matrix:
    """Row i of the result solves min ‖P_Ωᵢ(x Yᵀ − M)‖: (Σ_{j∈Ωᵢ} yⱼyⱼᵀ) x = Σ_{j∈Ωᵢ} Mᵢⱼ yⱼ.

    A row with fewer than r entries has many solutions. A ridge of ε^⅔ of its own scale picks one near that
    of least norm, and moves the others by less than half their digits.
    """
    d, r = Y.shape
    grams = (mask @ (Y[:, :, None] * Y[:, None, :]).reshape(d, r * r)).reshape(-1, r, r)
    diagonal = _diagonal(grams)
    diagonal += _RIDGE[Y.dtype.itemsize] * diagonal.sum(1)[:, None] + _TINY
    return _solve(grams, (values @ Y)[:, :, None])[:, :, 0]


_RIDGE = {8: 3.7e-11, 4: 2.4e-5}
"""ε^⅔ for float64 and float32, by their bytes."""

_TINY = 1e-30
"""Keeps the equations of a row without a single entry regular; its solution is 0."""


def _diagonal(grams: Matrix) -> Matrix:
    """A view of the diagonals, shape (n, r), that may be written to."""
    n, r, _ = grams.shape
    return grams.reshape(n, r * r)[:, :: r + 1]


def _solve(A: Matrix, B: Matrix) -> Matrix:
    """A⁻¹ B, for one matrix or a stack of them.

    Raises:
        SingularFactor: A has no inverse.
    """
    if isinstance(A, np.ndarray):
        try:
            return np.linalg.solve(A, B)
        except np.linalg.LinAlgError as error:
            raise SingularFactor(str(error)) from None
    import torch

    try:
        return torch.linalg.solve(A, B)
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined] # torch's own gap
        raise SingularFactor(str(error)) from None


class Algorithm(NamedTuple):
    """A way to fit the factors."""

    step: Step
    operations: Callable[[Residuals, int], float]
    """Floating-point operations of one step, given the rank; see `operations`."""
    has_eta: bool = True
    has_lam: bool = False


def _descent(seen: Residuals, r: int) -> float:
    """X Yᵀ, R Y and Rᵀ X: three products of 2 r operations an entry."""
    return 6.0 * seen.products * r


def _with_balance(seen: Residuals, r: int) -> float:
    """Also XᵀX, YᵀY, X D and Y D: 4 (d1 + d2) r²."""
    return _descent(seen, r) + 4.0 * sum(seen.shape) * r * r


def _with_division(seen: Residuals, r: int) -> float:
    """Also XᵀX and YᵀY, and two divisions by them: a factorisation of ⅔ r³ each, and 2 r² a row."""
    return _descent(seen, r) + 4.0 * sum(seen.shape) * r * r + 4.0 / 3.0 * r**3


def _by_rows(seen: Residuals, r: int) -> float:
    """R, then for each factor the mask times r² columns, P_Ω(M) times r, and one r × r solve a row."""
    return 2.0 * seen.products * (3 * r + 2 * r * r) + sum(seen.shape) * (2.0 / 3.0 * r**3 + 2.0 * r * r)


ALGORITHMS = {
    "VGD": Algorithm(vanilla, _descent),
    "BGD": Algorithm(balanced, _with_balance, has_lam=True),
    "RGD_F": Algorithm(frobenius, _descent, has_lam=True),
    "RGD_row": Algorithm(row_norms, _descent, has_lam=True),
    "ScaledGD": Algorithm(scaled, _with_division),
    "PGD": Algorithm(projected, _descent),
    "AltMin": Algorithm(alternating, _by_rows, has_eta=False),
}
"""Counted are products of matrices and solves; what is linear in the entries of R, X and Y is not."""
