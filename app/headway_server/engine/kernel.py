"""The Matérn-5/2 kernel with one lengthscale per coordinate, by matrix products.

With u = √5 (x − ½)/ℓ and R = ‖u − u′‖ the kernel is k = s (1 + R + R²/3) e^{−R}
(Rasmussen and Williams 2006, eq. 4.17) and its derivative ∂k/∂u = −(s/3) (1 + R) e^{−R} (u − u′).
Squared distances come from one product of *lifted* points: (−2u, ‖u‖², 1)·(u′, 1, ‖u′‖²) = R².
The cancellation in that sum is harmless: near R = 0 the kernel is quadratic in R, so an error of 1e-12
in R² is an error of 1e-12 in k.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
"""A float64 array; the docstrings give its shape."""

SQRT5 = math.sqrt(5.0)


def scaled(points: Array, lengthscales: Array) -> Array:
    """√5 (x − ½)/ℓ for points of the unit cube: (n, d) and (d,) to (n, d)."""
    return np.asarray((points - 0.5) * (SQRT5 / lengthscales))


def lift_left(u: Array) -> Array:
    """(−2u, ‖u‖², 1): (r, d) to (r, d + 2)."""
    r, d = u.shape
    left = np.empty((r, d + 2))
    np.multiply(u, -2.0, out=left[:, :d])
    np.vecdot(u, u, out=left[:, d])
    left[:, d + 1] = 1.0
    return left


def lift_right(u: Array) -> Array:
    """(u, 1, ‖u‖²): (n, d) to (n, d + 2)."""
    n, d = u.shape
    right = np.empty((n, d + 2))
    right[:, :d] = u
    right[:, d] = 1.0
    np.vecdot(u, u, out=right[:, d + 1])
    return right


def matern52(squared: Array) -> tuple[Array, Array]:
    """From R² (overwritten), any shape: k/s = (1 + R + R²/3) e^{−R} and the slope (1 + R) e^{−R}."""
    np.maximum(squared, 0.0, out=squared)
    slope = np.sqrt(squared)
    decay = np.negative(slope)
    np.exp(decay, out=decay)
    slope += 1.0
    slope *= decay
    squared *= 1.0 / 3.0
    squared *= decay
    squared += slope
    return squared, slope
