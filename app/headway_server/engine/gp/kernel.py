"""The covariance: a Matérn-5/2 kernel on numbers times a kernel on categories, by matrix products.

k(x, x′) = s (1 + R + R²/3) e^{−R} e^{−H}, with R² = 5 Σ_j (x_j − x_j′)²/ℓ_j² over the numeric coordinates
(Rasmussen and Williams 2006, eq. 4.17) and H = Σ_c [c ≠ c′]/ℓ_c over the categorical parameters, whose
one-hot blocks have ½‖e − e′‖² = [c ≠ c′]: BoTorch's `CategoricalKernel`, as a product.

With *scaled* points u = √5 (x − ½)/ℓ (numeric) and (e − ½)/√(2ℓ) (one-hot) both R² and H are squared
distances. They come from one product of *lifted* points each: (−2u, ‖u‖², 1)·(u′, 1, ‖u′‖²) = ‖u − u′‖². The
cancellation in that sum is harmless: near R = 0 the kernel is quadratic in R, so an error of 1e-12 in R² is
one of 1e-12 in k.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt

from headway.wire.model import Hyperparameters

Array = npt.NDArray[np.float64]
"""A float64 array; the docstrings give its shape."""

SQRT5 = math.sqrt(5.0)
STRIP = 128
"""Rows of a symmetric matrix that are filled at a time, up to its diagonal: the elementwise work halves,
and what it needs besides stays small."""


class Kernel:
    """The correlation k/s of points of the unit cube, (d,) lengthscales, some of them of categories."""

    def __init__(self, lengthscales: Array, categorical: npt.NDArray[np.bool_]) -> None:
        self.lengthscales = lengthscales
        self.categorical = categorical
        self.numeric_only = not categorical.any()
        safe = np.where(categorical, lengthscales, 1.0)
        self.weights = np.where(categorical, 1.0 / np.sqrt(2.0 * safe), SQRT5 / lengthscales)
        """(d,): u = (x − ½) · weights."""

    @classmethod
    def of(cls, hyperparameters: Hyperparameters) -> Kernel:
        """The kernel of a fitted process."""
        lengthscales = np.asarray(hyperparameters.lengthscales)
        categorical = np.zeros(len(lengthscales), dtype=bool)
        categorical[list(hyperparameters.categorical)] = True
        return cls(lengthscales, categorical)

    @cached_property
    def numeric(self) -> npt.NDArray[np.intp]:
        """The numeric coordinates."""
        return np.flatnonzero(~self.categorical)

    @cached_property
    def choices(self) -> npt.NDArray[np.intp]:
        """The one-hot coordinates."""
        return np.flatnonzero(self.categorical)

    def scaled(self, rows: Array) -> Array:
        """Scaled points u: (r, d) to (r, d)."""
        return np.asarray((rows - 0.5) * self.weights)

    def lifted(self, u: Array) -> Array:
        """What `correlate` takes as its second argument: (n, d) to (n, d + 2), or d + 4 with categories.

        The first columns hold the numeric coordinates of u, then a 1.
        """
        if self.numeric_only:
            return _lift_right(u)
        return np.hstack([_lift_right(u[:, self.numeric]), _lift_right(u[:, self.choices])])

    def correlate(self, u: Array, lifted: Array) -> tuple[Array, Array]:
        """k/s = (1 + R + R²/3) e^{−R−H} and the slope (1 + R) e^{−R−H}: (r, d), (n, …) to (r, n) twice."""
        if self.numeric_only:
            return matern52(_lift_left(u) @ lifted.T)
        split = len(self.numeric) + 2
        squared = _lift_left(u[:, self.numeric]) @ lifted[:, :split].T
        return matern52(squared, _lift_left(u[:, self.choices]) @ lifted[:, split:].T)

    def strips(self, u: Array, lifted: Array) -> Iterator[tuple[slice, slice, Array, Array]]:
        """The lower triangle of the correlation matrix of n points, a strip of rows at a time.

        Yields the strip's rows and columns, and `correlate` there; the columns end with the rows.
        """
        n = len(u)
        for start in range(0, n, STRIP):
            end = min(n, start + STRIP)
            yield slice(start, end), slice(0, end), *self.correlate(u[start:end], lifted[:end])

    def pull_back(self, weights: Array, lifted: Array, u: Array) -> Array:
        """Σ_i w_i (x_i − x) of scaled numeric coordinates: (r, n), (n, …), (r, d) to (r, d).

        With w = slopes times s/3 that is Σ_i ∂k/∂u. Categories have no gradient: zeros there.
        """
        if self.numeric_only:
            d = u.shape[1]
            pulled = weights @ lifted[:, : d + 1]  # Σ w x, and Σ w in the last column
            return np.asarray(pulled[:, :d] - u * pulled[:, d:])
        d = len(self.numeric)
        pulled = weights @ lifted[:, : d + 1]
        full = np.zeros_like(u)
        full[:, self.numeric] = pulled[:, :d] - u[:, self.numeric] * pulled[:, d:]
        return full


def _lift_left(u: Array) -> Array:
    """(−2u, ‖u‖², 1): (r, d) to (r, d + 2)."""
    r, d = u.shape
    left = np.empty((r, d + 2))
    np.multiply(u, -2.0, out=left[:, :d])
    np.vecdot(u, u, out=left[:, d])
    left[:, d + 1] = 1.0
    return left


def _lift_right(u: Array) -> Array:
    """(u, 1, ‖u‖²): (n, d) to (n, d + 2)."""
    n, d = u.shape
    right = np.empty((n, d + 2))
    right[:, :d] = u
    right[:, d] = 1.0
    np.vecdot(u, u, out=right[:, d + 1])
    return right


def matern52(squared: Array, distances: Array | None = None) -> tuple[Array, Array]:
    """From R² and H (both overwritten; H None: 0), any shape: the correlation and the slope."""
    np.maximum(squared, 0.0, out=squared)
    slope = np.sqrt(squared)
    if distances is None:
        decay = np.negative(slope)
    else:
        np.maximum(distances, 0.0, out=distances)
        decay = np.add(slope, distances, out=distances)
        np.negative(decay, out=decay)
    np.exp(decay, out=decay)
    slope += 1.0
    slope *= decay
    squared *= 1.0 / 3.0
    squared *= decay
    squared += slope
    return squared, slope
