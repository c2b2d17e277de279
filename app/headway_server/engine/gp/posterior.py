"""The exact posterior of a Gaussian process, extended in O(n²) by each observation.

Hyperparameters are fixed for the life of a `Posterior`; the driver builds a new one when they change.
It keeps K⁻¹ over the distinct points (*sites*) in a buffer that grows; K itself is recomputed where it is
needed, so that 5,000 observations take one matrix of 200 MB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dpotrf, dpotri

from headway.wire.model import Hyperparameters
from headway_server.engine.gp.acquisition import Acquisition
from headway_server.engine.gp.kernel import Array, Kernel
from headway_server.engine.gp.products import add_outer, quadratic, times
from headway_server.engine.gp.replicates import Sites

SCHUR_FLOOR = 0.9
"""Rebuild where the new point's conditional variance is under this share of its noise: in exact
arithmetic it is at least the whole."""
DRIFT_LIMIT = 1e-7
DRIFT_EVERY = 32
JITTERS = (0.0, 1e-8, 1e-6, 1e-4)
"""Added to the diagonal in turn, in units of the outputscale, until a Cholesky factor exists."""
STRIP = 256
"""Rows of K⁻¹ that are worked on at a time, so that they stay in the cache."""


@dataclass(frozen=True)
class Given:
    """Further points that a posterior is conditioned on: as many more rows of K⁻¹."""

    values: Array
    """(h,): the values at the points."""


@dataclass(frozen=True)
class Blocks(Given):
    """The further rows of K⁻¹, in blocks."""

    lifted: Array
    """(m + h, …): the lifted sites, and after them the lifted points."""
    solved: Array
    """(m, h): K⁻¹ K(X, points)."""
    precision: Array
    """(h, h): inverse of their posterior covariance plus noise."""
    alpha: Array
    """(m + h,): K⁻¹(z − mean) of the larger matrix."""


class Posterior:
    """p(f | data) of a constant-mean process with noise `noise + variances`, over m sites."""

    device: str = "cpu"
    """Where K⁻¹ is."""

    def __init__(self, hyperparameters: Hyperparameters, rows: Array, z: Array, variances: Array) -> None:
        self.hyperparameters = hyperparameters
        self.kernel = Kernel.of(hyperparameters)
        self.outputscale = hyperparameters.outputscale
        self.mean = hyperparameters.mean
        self.noise = hyperparameters.noise
        self.rebuilds = 0
        self._since_rebuild = 0
        self._sites = Sites.among(rows)
        self._place = {row.tobytes(): i for i, row in enumerate(self._sites.rows)}
        self.z, self._variances = z.copy(), variances + self.noise
        """(n,): the values and their whole variances, in order of arrival."""
        self.n = len(z)
        self.m = len(self._sites.rows)
        self._rows = self._sites.rows.copy()
        self._site_z, self._diagonal = (a.copy() for a in self._sites.merge(self.z, self._variances))
        self._alpha = np.empty(0)
        self._take_up()

    def _take_up(self) -> None:
        """Place the sites where the algebra is done."""
        self._lifted = self.kernel.lifted(self.kernel.scaled(self._rows))
        self._inverse = np.empty((0, 0))

    @classmethod
    def build(
        cls, hyperparameters: Hyperparameters, rows: Array, z: Array, variances: Array
    ) -> Posterior | None:
        """From n observations at once, (n, d), (n,), (n,); None where no jitter gives a Cholesky factor."""
        posterior = cls(hyperparameters, rows, z, variances)
        return posterior if posterior._rebuild() else None

    @property
    def rows(self) -> Array:
        """The sites: (m, d) points of the unit cube."""
        return self._rows

    @property
    def lengthscales(self) -> Array:
        """(d,)."""
        return self.kernel.lengthscales

    @property
    def inverse(self) -> Array:
        """K⁻¹: (m, m), a view."""
        return self._inverse[: self.m, : self.m]

    @property
    def alpha(self) -> Array:
        """K⁻¹(z − mean): (m,)."""
        return self._alpha

    def solve(self, b: Array) -> Array:
        """K⁻¹ b: (m,) to (m,)."""
        return np.asarray(self.inverse @ b)

    def precisions(self) -> Array:
        """The diagonal of K⁻¹: (m,)."""
        return np.asarray(np.einsum("ii->i", self.inverse))

    @property
    def site_z(self) -> Array:
        """(m,): the mean of each site's observations."""
        return self._site_z

    @property
    def first_observations(self) -> npt.NDArray[np.intp]:
        """(m,): the place of each site's first observation among all."""
        return np.unique(self._sites.of, return_index=True)[1]

    @property
    def diagonal(self) -> Array:
        """(m,): noise plus measurement variance of each site's mean."""
        return self._diagonal

    def append(self, row: Array, z: float, variance: float) -> float | None:
        """Take up one observation, (d,), by the bordered inverse, or by a rank-1 update where it repeats one.

        Returns its standardised one-step-ahead error, or None where the matrix has no Cholesky factor
        any more; the posterior is useless then.
        """
        whole = self.noise + variance
        self.n += 1
        self.z = np.append(self.z, z)
        self._variances = np.append(self._variances, whole)
        self._since_rebuild += 1
        key = row.tobytes()
        site = self._place.get(key)
        self._sites = Sites(self._rows, np.append(self._sites.of, self.m if site is None else site))
        if site is not None:
            return self._repeat(site, z, whole)
        self._place[key] = self.m
        return self._extend(row, z, whole)

    def _extend(self, row: Array, z: float, whole: float) -> float | None:
        m = self.m
        u = self.kernel.scaled(row[None])
        k = self.kernel.correlate(u, self._lifted)[0][0] * self.outputscale
        w = self._inverse[:m, :m]
        v = w @ k
        schur = self.outputscale + whole - float(k @ v)
        error = z - self.mean - float(k @ self._alpha)
        self._add_site(row, z, whole)
        self._lifted = np.concatenate([self._lifted, self.kernel.lifted(u)])
        if schur <= SCHUR_FLOOR * whole:
            return error / float(np.sqrt(whole)) if self._rebuild() else None
        self._reserve(m + 1)
        border = v / schur
        add_outer(self._inverse, border, v)
        self._inverse[m, :m] = self._inverse[:m, m] = -border
        self._inverse[m, m] = 1.0 / schur
        return error / float(np.sqrt(schur)) if self._settle() else None

    def _add_site(self, row: Array, z: float, whole: float) -> None:
        self.m += 1
        self._rows = np.concatenate([self._rows, row[None]])
        self._sites = Sites(self._rows, self._sites.of)
        self._site_z, self._diagonal = np.append(self._site_z, z), np.append(self._diagonal, whole)

    def _repeat(self, site: int, z: float, whole: float) -> float | None:
        """The diagonal at site g changes by δ: K⁻¹ − δ/(1 + δ w_g) ww', w = (K⁻¹)_g (Sherman–Morrison)."""
        old = float(self._diagonal[site])
        latent = float(self._site_z[site] - old * self._alpha[site])
        precision = self._precision(site)
        variance = max(old - old * old * precision, 0.0) + whole
        new = 1.0 / (1.0 / old + 1.0 / whole)
        self._site_z[site] = new * (self._site_z[site] / old + z / whole)
        self._diagonal[site] = new
        change = new - old
        self._add_column_squared(site, -change / (1.0 + change * precision))
        return (z - latent) / float(np.sqrt(variance)) if self._settle() else None

    def _precision(self, site: int) -> float:
        """(K⁻¹)_gg."""
        return float(self._inverse[site, site])

    def _add_column_squared(self, site: int, factor: float) -> None:
        """K⁻¹ += factor · ww', w = (K⁻¹)_g."""
        w = self._inverse[: self.m, site].copy()
        add_outer(self._inverse, w * factor, w)

    def _settle(self) -> bool:
        """α anew, and K⁻¹ too where it has drifted; False where that fails."""
        self._alpha = self.solve(self._site_z - self.mean)
        check = self._since_rebuild % DRIFT_EVERY == 0
        return not (check and self.drift() > DRIFT_LIMIT) or self._rebuild()

    def drift(self) -> float:
        """Relative residual of K (K⁻¹ b) = b for the data's own b = z − mean."""
        b = self._site_z - self.mean
        product = self._diagonal * self._alpha
        u = self.kernel.scaled(self._rows)
        for start in range(0, self.m, STRIP):
            rows = slice(start, start + STRIP)
            product[rows] += self.kernel.correlate(u[rows], self._lifted)[0] @ self._alpha * self.outputscale
        return float(np.abs(product - b).max() / max(np.abs(b).max(), 1e-12))

    def given(self, rows: Array, values: Array | None = None) -> Given | None:
        """Condition on points (h, d) with values (h,), or at their own posterior mean (None).

        At the posterior mean the mean stays everywhere and the variance shrinks. None where there are no
        points, or where it fails numerically.
        """
        if len(rows) == 0:
            return None
        u = self.kernel.scaled(rows)
        lifted = self.kernel.lifted(u)
        cross = self.kernel.correlate(u, self._lifted)[0] * self.outputscale
        solved = self.inverse @ cross.T
        covariance = self.kernel.correlate(u, lifted)[0] * self.outputscale - cross @ solved
        np.einsum("ii->i", covariance)[:] += self.noise
        factor, status = dpotrf(covariance.T, lower=1)
        if status != 0:
            return None
        precision = _mirrored(dpotri(factor, lower=1)[0])
        believed = self.mean + cross @ self._alpha
        values = believed if values is None else values
        step = precision @ (values - believed)
        alpha = np.concatenate([self._alpha - solved @ step, step])
        return Blocks(values, np.concatenate([self._lifted, lifted]), solved, precision, alpha)

    def moments(self, rows: Array, given: Given | None = None) -> tuple[Array, Array]:
        """Mean and standard deviation of the latent function at (r, d): (r,), (r,)."""
        u, given, m = self.kernel.scaled(rows), _blocks(given), self.m
        k = self.kernel.correlate(u, self._lifted if given is None else given.lifted)[0]
        k *= self.outputscale
        explained = quadratic(k[:, :m], self.inverse)
        if given is not None:
            unknown = k[:, m:] - k[:, :m] @ given.solved
            explained += np.vecdot(unknown @ given.precision, unknown)
        mean = self.mean + k @ (self._alpha if given is None else given.alpha)
        return mean, self._sd(explained)

    def acquire(self, rows: Array, acquisition: Acquisition, given: Given | None = None) -> Array:
        """The acquisition's value at (r, d): (r,)."""
        return acquisition(*self.moments(rows, given))[0]

    def acquire_with_gradient(
        self, rows: Array, acquisition: Acquisition, given: Given | None = None
    ) -> tuple[Array, Array]:
        """Value (r,) and gradient over the unit cube (r, d) of an acquisition function at (r, d).

        With a = ∂/∂mean and b = ∂/∂sd: the weight of ∂k_i is a α_i − (b/sd) (K⁻¹k)_i, and
        ∂k_i/∂u = −(s/3) slope (u − u_i), so that one r × m × d product gives the gradient.
        """
        u, given = self.kernel.scaled(rows), _blocks(given)
        mean, sd, weights, slope = self._moments_and_weights(u, given)
        value, by_mean, by_sd = acquisition(mean, sd)
        weights *= (-by_sd / sd)[:, None]
        weights += by_mean[:, None] * (self._alpha if given is None else given.alpha)
        weights *= slope
        return value, self._gradient(weights, u, given)

    def mean_with_gradient(self, rows: Array) -> tuple[Array, Array]:
        """The posterior mean (r,) and its gradient over the unit cube (r, d), without the variance."""
        value, gradient = self.weighted_with_gradient(rows, self._alpha)
        return self.mean + value, gradient

    def weighted(self, rows: Array, weights: Array) -> Array:
        """Σ_i w_i k(x, x_i) over the sites, for (r, d) and weights (m,): (r,)."""
        k, _ = self.kernel.correlate(self.kernel.scaled(rows), self._lifted)
        return np.asarray(k @ weights * self.outputscale)

    def weighted_with_gradient(self, rows: Array, weights: Array) -> tuple[Array, Array]:
        """As `weighted`, and its gradient over the unit cube: (r,), (r, d)."""
        u = self.kernel.scaled(rows)
        k, slope = self.kernel.correlate(u, self._lifted)
        slope *= weights
        return k @ weights * self.outputscale, self._gradient(slope, u, None)

    def leave_one_out(self) -> tuple[Array, Array]:
        """Mean and standard deviation of each observation given all others: (n,), (n,).

        Rasmussen and Williams 2006, eq. 5.12.
        """
        alpha, precision = self._sites.unmerge(self.z, self._variances, self._alpha, self.precisions())
        return self.z - alpha / precision, 1.0 / np.sqrt(precision)

    def means_at_data(self) -> Array:
        """Posterior mean of the latent function at each site, (m,), in O(m): z − D K⁻¹(z − m)."""
        return np.asarray(self._site_z - self._diagonal * self._alpha)

    def _moments_and_weights(self, u: Array, given: Blocks | None) -> tuple[Array, Array, Array, Array]:
        """Mean, sd, weights k'K⁻¹ (r, m + h) and slopes (r, m + h).

        With given points: K⁻¹ of the larger matrix in blocks, [W + VCV', −VC; −CV', C].
        """
        m = self.m
        k, slope = self.kernel.correlate(u, self._lifted if given is None else given.lifted)
        k *= self.outputscale
        if given is None:
            weights = times(k, self.inverse)
            mean = self.mean + k @ self._alpha
        else:
            left_over = (k[:, m:] - k[:, :m] @ given.solved) @ given.precision
            weights = np.empty_like(k)
            np.subtract(times(k[:, :m], self.inverse), left_over @ given.solved.T, out=weights[:, :m])
            weights[:, m:] = left_over
            mean = self.mean + k @ given.alpha
        return mean, self._sd(np.vecdot(weights, k)), weights, slope

    def _sd(self, explained: Array) -> Array:
        """From the part of the prior variance that the data explain: (r,) to (r,)."""
        return np.sqrt(np.maximum(self.outputscale - explained, 1e-12 * self.outputscale))

    def _gradient(self, weights: Array, u: Array, given: Blocks | None) -> Array:
        lifted = self._lifted if given is None else given.lifted
        by_u = self.kernel.pull_back(weights, lifted, u)
        by_u *= self.outputscale / 3.0 * self.kernel.weights
        return by_u

    def _rebuild(self) -> bool:
        """K⁻¹ from a fresh Cholesky factor; False where none exists."""
        m = self.m
        self._since_rebuild = 0
        self.rebuilds += 1
        if m == 0:  # LAPACK complains of a matrix of nothing
            self._inverse, self._alpha = np.empty((0, 0)), np.empty(0)
            return True
        u = self.kernel.scaled(self._rows)
        for jitter in JITTERS:
            k = np.zeros((m, m))
            for rows, columns, correlation, _ in self.kernel.strips(u, self._lifted):
                np.multiply(correlation, self.outputscale, out=k[rows, columns])
            np.einsum("ii->i", k)[:] = self.outputscale * (1.0 + jitter) + self._diagonal
            factor, status = dpotrf(k.T, lower=0, overwrite_a=1, clean=0)
            if status == 0:
                k = dpotri(factor, lower=0, overwrite_c=1)[0].T  # C order, its lower triangle
                self._inverse = np.empty((0, 0))  # before the next one is made
                self._reserve(m)
                for i in range(0, m, STRIP):
                    j = min(m, i + STRIP)
                    self._inverse[i:j, :i] = k[i:j, :i]
                    self._inverse[:i, i:j] = k[i:j, :i].T
                    self._inverse[i:j, i:j] = _mirrored(k[i:j, i:j])
                self._alpha = self.solve(self._site_z - self.mean)
                return bool(np.isfinite(self._alpha).all())
        return False

    def _reserve(self, m: int) -> None:
        """Room for K⁻¹ over m sites; an eighth more, so that growing costs O(m²) over all."""
        if m <= len(self._inverse):
            return
        old = self._inverse
        kept = len(old)
        size = max(64, m + m // 8)
        self._inverse = np.zeros((size, size))
        self._inverse[:kept, :kept] = old


def _blocks(given: Given | None) -> Blocks | None:
    if given is None or isinstance(given, Blocks):
        return given
    raise TypeError(f"{type(given).__name__} was made by another kind of posterior")


def _mirrored(lower: Array) -> Array:
    """The symmetric matrix whose lower triangle is given."""
    full = np.tril(lower)
    full += np.tril(lower, -1).T
    return full
