"""The exact posterior of a Gaussian process, extended in O(n²) by each observation.

Hyperparameters are fixed for the life of a `Posterior`; the driver builds a new one when they change.
It keeps K and K⁻¹ in buffers that grow by doubling. This module alone holds n × n arrays: to put a
large study on an accelerator, give another class these methods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from headway.wire.model import Hyperparameters
from headway_server.engine.acquisition import Acquisition
from headway_server.engine.kernel import Array, lift_left, lift_right, matern52, scaled

SCHUR_FLOOR = 0.9
"""Rebuild where the new point's conditional variance is under this share of its noise: in exact
arithmetic it is at least the whole."""
DRIFT_LIMIT = 1e-7
DRIFT_EVERY = 32
JITTERS = (0.0, 1e-8, 1e-6, 1e-4)
"""Added to the diagonal in turn, in units of the outputscale, until a Cholesky factor exists."""


@dataclass(frozen=True)
class Given:
    """Points conditioned on at their posterior mean: the mean stays, the variance shrinks."""

    right: Array
    """(h, d + 2): the lifted points."""
    solved: Array
    """(n, h): K⁻¹ K(X, points)."""
    precision: Array
    """(h, h): inverse of their posterior covariance plus noise."""


class Posterior:
    """p(f | data) of a constant-mean Matérn-5/2 process with noise `noise + variances`."""

    def __init__(self, hyperparameters: Hyperparameters, capacity: int = 64) -> None:
        self.hyperparameters = hyperparameters
        self.lengthscales = np.asarray(hyperparameters.lengthscales)
        self.outputscale = hyperparameters.outputscale
        self.mean = hyperparameters.mean
        self.noise = hyperparameters.noise
        self.n = 0
        self.rebuilds = 0
        self._since_rebuild = 0
        width = len(self.lengthscales)
        self._right = np.empty((capacity, width + 2))
        self._z = np.empty(capacity)
        self._diagonal = np.empty(capacity)
        self._kernel = np.empty((capacity, capacity))
        self._inverse = np.empty((capacity, capacity))
        self._alpha = np.empty(0)

    @classmethod
    def build(
        cls, hyperparameters: Hyperparameters, rows: Array, z: Array, variances: Array
    ) -> Posterior | None:
        """From n observations at once, (n, d), (n,), (n,); None where no jitter gives a Cholesky factor."""
        n = len(z)
        posterior = cls(hyperparameters, capacity=max(64, n + n // 4))
        posterior.n = n
        u = scaled(rows, posterior.lengthscales)
        posterior._right[:n] = lift_right(u)
        posterior._z[:n] = z
        posterior._diagonal[:n] = posterior.noise + variances
        k, _ = matern52(lift_left(u) @ posterior._right[:n].T)
        np.multiply(k, posterior.outputscale, out=posterior._kernel[:n, :n])
        np.einsum("ii->i", posterior._kernel)[:n] = posterior.outputscale + posterior._diagonal[:n]
        return posterior if posterior._rebuild() else None

    @property
    def inverse(self) -> Array:
        """K⁻¹: (n, n), a view."""
        return self._inverse[: self.n, : self.n]

    @property
    def alpha(self) -> Array:
        """K⁻¹(z − mean): (n,)."""
        return self._alpha

    @property
    def points(self) -> Array:
        """The scaled observations: (n, d), a view."""
        return self._right[: self.n, :-2]

    @property
    def z(self) -> Array:
        """(n,), a view."""
        return self._z[: self.n]

    @property
    def diagonal(self) -> Array:
        """Noise plus measurement variance of each observation: (n,), a view."""
        return self._diagonal[: self.n]

    def append(self, row: Array, z: float, variance: float) -> float | None:
        """Take up one observation, (d,), by the bordered inverse.

        Returns its standardised one-step-ahead error, or None where the matrix has no Cholesky factor
        any more; the posterior is useless then.
        """
        n = self.n
        self._reserve(n + 1)
        u = scaled(row[None], self.lengthscales)
        self._right[n] = lift_right(u)[0]
        self._z[n] = z
        diagonal = self.noise + variance
        self._diagonal[n] = diagonal
        k = matern52(lift_left(u) @ self._right[:n].T)[0][0] * self.outputscale
        self._kernel[n, :n] = self._kernel[:n, n] = k
        self._kernel[n, n] = self.outputscale + diagonal
        w = self._inverse[:n, :n]
        v = w @ k
        schur = self.outputscale + diagonal - float(k @ v)
        error = z - self.mean - float(k @ self._alpha)
        self.n = n + 1
        self._since_rebuild += 1
        if schur <= SCHUR_FLOOR * diagonal:
            if not self._rebuild():
                return None
            return error / float(np.sqrt(diagonal))
        border = v / schur
        for i in range(0, n, 256):  # by strips, so that the outer product stays in the cache
            w[i : i + 256] += border[i : i + 256, None] * v
        self._inverse[n, :n] = self._inverse[:n, n] = -border
        self._inverse[n, n] = 1.0 / schur
        self._solve()
        if self._since_rebuild % DRIFT_EVERY == 0 and self.drift() > DRIFT_LIMIT and not self._rebuild():
            return None
        return error / float(np.sqrt(schur))

    def drift(self) -> float:
        """Relative residual of K (K⁻¹ b) = b for the data's own b = z − mean."""
        b = self.z - self.mean
        residual = self._kernel[: self.n, : self.n] @ self._alpha - b
        return float(np.abs(residual).max() / max(np.abs(b).max(), 1e-12))

    def given(self, rows: Array) -> Given | None:
        """Condition on points (h, d) at their own posterior mean; None where that fails numerically."""
        u = scaled(rows, self.lengthscales)
        right = lift_right(u)
        left = lift_left(u)
        cross = matern52(left @ self._right[: self.n].T)[0] * self.outputscale
        solved = self.inverse @ cross.T
        covariance = matern52(left @ right.T)[0] * self.outputscale - cross @ solved
        np.einsum("ii->i", covariance)[:] += self.noise
        factor, status = dpotrf(covariance.T, lower=1)
        if status != 0:
            return None
        return Given(right, solved, _mirrored(dpotri(factor, lower=1)[0]))

    def moments(self, rows: Array, given: Given | None = None) -> tuple[Array, Array]:
        """Mean and standard deviation of the latent function at (r, d): (r,), (r,)."""
        mean, sd, _, _, _ = self._moments(scaled(rows, self.lengthscales), given)
        return mean, sd

    def acquire(self, rows: Array, acquisition: Acquisition, given: Given | None = None) -> Array:
        """The acquisition's value at (r, d): (r,)."""
        return acquisition(*self.moments(rows, given))[0]

    def acquire_with_gradient(
        self, rows: Array, acquisition: Acquisition, given: Given | None = None
    ) -> tuple[Array, Array]:
        """Value (r,) and gradient over the unit cube (r, d) of an acquisition function at (r, d).

        With a = ∂/∂mean and b = ∂/∂sd: the weight of ∂k_i is a α_i − (b/sd) (K⁻¹k)_i, and
        ∂k_i/∂u = −(s/3)(1 + R)e^{−R}(u − u_i), so that one r × n × d product gives the gradient.
        """
        u = scaled(rows, self.lengthscales)
        mean, sd, weights, slope, right = self._moments(u, given)
        value, by_mean, by_sd = acquisition(mean, sd)
        weights *= (-by_sd / sd)[:, None]
        weights[:, : self.n] += by_mean[:, None] * self._alpha
        weights *= slope
        return value, self._pull_back(weights, right, u)

    def weighted(self, u: Array, weights: Array) -> Array:
        """Σ_i w_i k(u, u_i) for scaled points (r, d) and weights (n,): (r,)."""
        k, _ = matern52(lift_left(u) @ self._right[: self.n].T)
        return np.asarray(k @ weights * self.outputscale)

    def weighted_with_gradient(self, u: Array, weights: Array) -> tuple[Array, Array]:
        """As `weighted`, and its gradient by u: (r,), (r, d)."""
        right = self._right[: self.n]
        k, slope = matern52(lift_left(u) @ right.T)
        slope *= weights
        d = u.shape[1]
        pulled = slope @ right[:, : d + 1]
        return k @ weights * self.outputscale, (pulled[:, :d] - u * pulled[:, d:]) * (self.outputscale / 3.0)

    def leave_one_out(self) -> tuple[Array, Array]:
        """Mean and standard deviation of each z given all others: (n,), (n,).

        Rasmussen and Williams 2006, eq. 5.12.
        """
        precision = np.einsum("ii->i", self.inverse)
        return self.z - self._alpha / precision, 1.0 / np.sqrt(precision)

    def means_at_data(self) -> Array:
        """Posterior mean of the latent function at each observation, (n,), in O(n): z − D K⁻¹(z − m)."""
        return np.asarray(self.z - self.diagonal * self._alpha)

    def _moments(self, u: Array, given: Given | None) -> tuple[Array, Array, Array, Array, Array]:
        """Mean, sd, weights k'K⁻¹ (r, n + h), slopes (r, n + h) and lifted points (n + h, d + 2).

        With given points: K⁻¹ of the larger matrix in blocks, [W + VCV', −VC; −CV', C].
        """
        n = self.n
        right = self._right[:n] if given is None else np.concatenate([self._right[:n], given.right])
        k, slope = matern52(lift_left(u) @ right.T)
        k *= self.outputscale
        known = k[:, :n]
        mean = self.mean + known @ self._alpha
        weights = known @ self.inverse
        if given is not None:
            left_over = (k[:, n:] - known @ given.solved) @ given.precision
            weights = np.concatenate([weights - left_over @ given.solved.T, left_over], axis=1)
        variance = self.outputscale - np.vecdot(weights, k)
        sd = np.sqrt(np.maximum(variance, 1e-12 * self.outputscale))
        return mean, sd, weights, slope, right

    def _pull_back(self, weights: Array, right: Array, u: Array) -> Array:
        d = u.shape[1]
        pulled = weights @ right[:, : d + 1]  # Σ w x, and Σ w in the last column
        gradient = pulled[:, :d] - u * pulled[:, d:]
        return np.asarray(gradient * (self.outputscale / 3.0 * np.sqrt(5.0) / self.lengthscales))

    def _rebuild(self) -> bool:
        """K⁻¹ from a fresh Cholesky factor; False where none exists."""
        n = self.n
        self._since_rebuild = 0
        self.rebuilds += 1
        kernel = self._kernel[:n, :n]
        diagonal = np.einsum("ii->i", kernel)
        for jitter in JITTERS:
            diagonal[:] = self.outputscale * (1.0 + jitter) + self.diagonal
            factor, status = dpotrf(kernel.T, lower=1, clean=0)
            if status == 0:
                self._inverse[:n, :n] = _mirrored(dpotri(factor, lower=1, overwrite_c=1)[0])
                self._solve()
                return bool(np.isfinite(self._alpha).all())
        return False

    def _solve(self) -> None:
        self._alpha = self.inverse @ (self.z - self.mean)

    def _reserve(self, n: int) -> None:
        capacity = len(self._z)
        if n <= capacity:
            return
        larger = 2 * capacity
        for name in ("_right", "_z", "_diagonal"):
            old = getattr(self, name)
            new = np.empty((larger, *old.shape[1:]))
            new[: self.n] = old[: self.n]
            setattr(self, name, new)
        for name in ("_kernel", "_inverse"):
            square = np.empty((larger, larger))
            square[: self.n, : self.n] = getattr(self, name)[: self.n, : self.n]
            setattr(self, name, square)


def _mirrored(lower: Array) -> Array:
    """The symmetric matrix whose lower triangle is given."""
    full = np.tril(lower)
    full += np.tril(lower, -1).T
    return full
