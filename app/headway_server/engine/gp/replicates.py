"""Several observations at one point as one row, without loss.

Given the noise, the observations z_i = f + ε_i, ε_i ~ N(0, v_i), of one point (a *site*) say as much about f
as their precision-weighted mean with the variance D = 1/Σ 1/v_i. What remains of their likelihood is their
scatter around that mean, which informs the noise alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from headway_server.engine.gp.kernel import Array

_LOG_2PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Sites:
    """Distinct points, in order of first observation, and where each observation was made."""

    rows: Array
    """(m, d)."""
    of: npt.NDArray[np.intp]
    """(n,): the site of each observation."""

    @classmethod
    def among(cls, rows: Array) -> Sites:
        """The sites of observations at (n, d). Equal means bitwise equal."""
        places: dict[bytes, int] = {}
        of = [places.setdefault(row.tobytes(), len(places)) for row in np.ascontiguousarray(rows)]
        index = np.asarray(of, dtype=np.intp)
        first = np.unique(index, return_index=True)[1]
        return cls(rows[first], index)

    @cached_property
    def distinct(self) -> bool:
        """Whether no point was observed twice."""
        return len(self.rows) == len(self.of)

    def merge(self, z: Array, variances: Array) -> tuple[Array, Array]:
        """Means and their variances, (m,) each, from values (n,) and their whole variances v (n,)."""
        if self.distinct:
            return z, variances
        d = 1.0 / self._sum(1.0 / variances)
        return self._sum(z / variances) * d, d

    def scatter(self, z: Array, variances: Array) -> float:
        """Log density of the values given their sites' means: what `merge` leaves out."""
        if self.distinct:
            return 0.0
        mean, d = self.merge(z, variances)
        error = z - mean[self.of]
        logs = float(np.log(variances).sum() - np.log(d).sum())
        return -0.5 * (float(error @ (error / variances)) + logs + (len(z) - len(d)) * _LOG_2PI)

    def unmerge(self, z: Array, variances: Array, alpha: Array, precision: Array) -> tuple[Array, Array]:
        """(K⁻¹(z − mean))_i and (K⁻¹)_ii over the n observations, from α and diag K⁻¹ over the m sites.

        With the posterior mean f̂ = z̄ − Dα and variance D − D²(K⁻¹)_gg of each site:
        α_i = (z_i − f̂)/v_i and (K⁻¹)_ii = 1/v_i − (D − D²(K⁻¹)_gg)/v_i².
        """
        if self.distinct:
            return alpha, precision
        mean, d = self.merge(z, variances)
        latent = (mean - d * alpha)[self.of]
        latent_variance = (d - d * d * precision)[self.of]
        return (z - latent) / variances, (1.0 - latent_variance / variances) / variances

    def _sum(self, values: Array) -> Array:
        return np.bincount(self.of, values, minlength=len(self.rows)).astype(np.float64, copy=False)
