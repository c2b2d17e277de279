"""The exact rate of local convergence, from the Hessian of f at the solution.

Near a solution (X*, Y*) with X* Y*ᵀ = M the residual vanishes, so the Hessian of f is

    H(A, B) = (P_Ω(A Y*ᵀ + X* Bᵀ) Y* / p,  P_Ω(A Y*ᵀ + X* Bᵀ)ᵀ X* / p).

It is 0 along the r² gauge directions (X* G, −Y* Gᵀ), which leave X Yᵀ as it is. In the other directions
descent with step η/σ₁ multiplies the error by 1 − η λ/σ₁ for each eigenvalue λ, so it converges at
1 − η λ_min/σ₁ while the largest eigenvalue is not the limit. This derivation is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

from headway_workers.matrix_completion.observed import Observed
from headway_workers.matrix_completion.residuals import residuals


def hessian(observed: Observed, X: NDArray[Any], Y: NDArray[Any]) -> LinearOperator:
    """H at factors without a residual, on stacked directions (A, B) of shape ((d1 + d2) r,)."""
    d1, r = X.shape
    without_values = Observed(observed.shape, observed.rows, observed.columns, 0.0 * observed.values)
    seen = residuals(without_values)

    def apply(direction: NDArray[Any]) -> NDArray[Any]:
        stacked = direction.reshape(-1, r)
        A, B = stacked[:d1], stacked[d1:]
        tangent = seen.residual(np.hstack([A, X]), np.hstack([Y, B]))
        return np.concatenate([(tangent @ Y).ravel(), (tangent.T @ X).ravel()]) / seen.p

    size = X.size + Y.size
    return LinearOperator((size, size), matvec=apply, dtype=X.dtype)


def gauge(X: NDArray[Any], Y: NDArray[Any]) -> NDArray[Any]:
    """An orthonormal basis of the directions (X G, −Y Gᵀ), shape ((d1 + d2) r, r²)."""
    r = X.shape[1]
    columns = []
    for i in range(r):
        for j in range(r):
            A, B = np.zeros_like(X), np.zeros_like(Y)
            A[:, j], B[:, i] = X[:, i], -Y[:, j]
            columns.append(np.concatenate([A.ravel(), B.ravel()]))
    basis: NDArray[Any] = np.linalg.qr(np.column_stack(columns))[0]
    return basis


def extreme_eigenvalues(observed: Observed, X: NDArray[Any], Y: NDArray[Any]) -> tuple[float, float]:
    """λ_min off the gauge directions, and λ_max, of H at factors without a residual.

    Lanczos on λ_max − P H P, whose largest eigenvalue is λ_max − λ_min: the gauge directions, where P H P
    is 0, are projected out of it.
    """
    H, Q = hessian(observed, X, Y), gauge(X, Y)
    v0 = np.random.default_rng(0).standard_normal(H.shape[0])
    top = float(eigsh(H, k=1, which="LA", v0=v0, tol=1e-4, return_eigenvectors=False)[0])

    def project(direction: NDArray[Any]) -> NDArray[Any]:
        off: NDArray[Any] = direction - Q @ (Q.T @ direction)
        return off

    def flipped(direction: NDArray[Any]) -> NDArray[Any]:
        off = project(direction.ravel())
        return project(top * off - H.matvec(off))

    operator = LinearOperator(H.shape, matvec=flipped, dtype=X.dtype)
    far = eigsh(operator, k=1, which="LA", v0=v0, tol=1e-4, return_eigenvectors=False)[0]
    return top - float(far), top


def local_rate(observed: Observed, X: NDArray[Any], Y: NDArray[Any], step: float) -> float:
    """max(|1 − step λ_min|, |1 − step λ_max|): the factor by which the error shrinks an iteration."""
    low, high = extreme_eigenvalues(observed, X, Y)
    return max(abs(1.0 - step * low), abs(1.0 - step * high))
