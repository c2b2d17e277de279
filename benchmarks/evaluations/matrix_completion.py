"""Descent on the factors of a matrix, beside how one writes it down: a full decomposition, and loops.

Public codes take the whole singular value decomposition for the start, mask a dense product whatever the
density, and loop over entries (matrix factorisation) or over rows (alternating least squares).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluations.case import Case
from headway_workers.matrix_completion.descent import descend, spectral_start
from headway_workers.matrix_completion.observed import Observed
from headway_workers.matrix_completion.residuals import residuals
from headway_workers.matrix_completion.synthetic import Ensemble

ETA = 0.5


def cases() -> Iterator[Case]:
    """The start and descent at the paper's size, a sparse matrix, entry by entry, and row by row."""
    dense = Ensemble().draw(0).observed
    yield Case(
        "matrix completion: VGD, 1200 × 800, rank 10, 20 % seen, start and 75 steps",
        lambda: ours(dense, 10, 75),
        lambda: masked(dense, 10, 75),
        apart,
    )
    sparse = Ensemble(3000, 2000, 5, 0.03).draw(0).observed
    yield Case(
        "matrix completion: VGD, 3000 × 2000, rank 5, 3 % seen, 20 steps",
        lambda: ours(sparse, 5, 20),
        lambda: masked(sparse, 5, 20, start=spectral_start(sparse, 5)),
        apart,
    )
    small = Ensemble(300, 200, 5, 0.3).draw(0).observed
    yield Case(
        "matrix completion: VGD, 300 × 200, rank 5, 30 % seen, 5 steps, entry by entry",
        lambda: ours(small, 5, 5),
        lambda: by_entries(small, 5, 5),
        apart,
    )
    middle = Ensemble(600, 400, 10, 0.2).draw(0).observed
    yield Case(
        "matrix completion: AltMin, 600 × 400, rank 10, 20 % seen, 5 sweeps, row by row",
        lambda: ours(middle, 10, 5, "AltMin"),
        lambda: by_rows(middle, 10, 5),
        apart,
    )


def ours(observed: Observed, rank: int, steps: int, algorithm: str = "VGD") -> NDArray[Any]:
    """X Yᵀ after so many steps."""
    path = descend(residuals(observed), spectral_start(observed, rank), ETA, steps, algorithm=algorithm)
    *_, last = path
    product: NDArray[Any] = last.X @ last.Y.T
    return product


def masked(observed: Observed, rank: int, steps: int, start: Any = None) -> NDArray[Any]:
    """By a dense mask, from the whole decomposition unless a start is given."""
    M, mask = observed.dense()
    p = observed.p
    if start is None:
        U, s, Vt = np.linalg.svd(M / p, full_matrices=False)
        X, Y = U[:, :rank] * np.sqrt(s[:rank]), Vt[:rank].T * np.sqrt(s[:rank])
        sigma1 = s[0]
    else:
        X, Y, sigma1 = start.X, start.Y, start.sigma1
    for _ in range(steps):
        R = mask * (X @ Y.T - M)
        X, Y = X - ETA / sigma1 * (R @ Y) / p, Y - ETA / sigma1 * (R.T @ X) / p
    product: NDArray[Any] = X @ Y.T
    return product


def by_entries(observed: Observed, rank: int, steps: int) -> NDArray[Any]:
    """By a loop over the seen entries."""
    M, _ = observed.dense()
    U, s, Vt = np.linalg.svd(M / observed.p, full_matrices=False)
    X, Y = U[:, :rank] * np.sqrt(s[:rank]), Vt[:rank].T * np.sqrt(s[:rank])
    for _ in range(steps):
        GX, GY = np.zeros_like(X), np.zeros_like(Y)
        for i, j, value in zip(observed.rows, observed.columns, observed.values, strict=True):
            error = X[i] @ Y[j] - value
            GX[i] += error * Y[j] / observed.p
            GY[j] += error * X[i] / observed.p
        X, Y = X - ETA / s[0] * GX, Y - ETA / s[0] * GY
    product: NDArray[Any] = X @ Y.T
    return product


def by_rows(observed: Observed, rank: int, sweeps: int) -> NDArray[Any]:
    """By a loop over rows and columns, a least-squares problem each."""
    M, mask = observed.dense()
    U, s, Vt = np.linalg.svd(M / observed.p, full_matrices=False)
    X, Y = U[:, :rank] * np.sqrt(s[:rank]), Vt[:rank].T * np.sqrt(s[:rank])
    for _ in range(sweeps):
        for i in range(len(X)):
            seen = mask[i] > 0
            X[i] = np.linalg.lstsq(Y[seen], M[i, seen], rcond=None)[0]
        for j in range(len(Y)):
            seen = mask[:, j] > 0
            Y[j] = np.linalg.lstsq(X[seen], M[seen, j], rcond=None)[0]
    product: NDArray[Any] = X @ Y.T
    return product


def apart(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Distance of two matrices, relative to the second."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))
