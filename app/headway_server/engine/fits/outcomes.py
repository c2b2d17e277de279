"""Output transforms: from measured values to what a Gaussian process likes, and back.

Both work on *utilities*: the objective, or its negative where smaller is better, so that larger is
better here. A transform's constants are frozen when hyperparameters are fitted; values that arrive
later go through the same map, so that the posterior can be extended instead of rebuilt.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from headway.wire.base import Response
from headway_server.engine.gp.kernel import Array

Z_LIMIT = 1_000.0
"""Transformed values are cut off here: an outlier of 1e300 must not overflow before the next fit."""
U_LIMIT = 1e300
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class Standardize(Response):
    """z = (u − location) / scale."""

    kind: Literal["standardize"] = "standardize"
    location: float
    scale: float

    @classmethod
    def fit(cls, u: Array) -> Standardize:
        """To mean 0 and standard deviation 1: (n,), n ≥ 1. Equal values become 0."""
        location, scale = _location_scale(u)
        return cls(location=location, scale=scale)

    def forward(self, u: Array) -> Array:
        """Transformed values of utilities, any shape."""
        with np.errstate(over="ignore"):  # a new value may lie any number of scales away
            return _cut(_bounded(u) / self.scale - self.location / self.scale)

    def slope(self, u: Array) -> Array:
        """dz/du, any shape."""
        return np.full_like(u, 1.0 / self.scale)

    def log_slope_sum(self, u: Array) -> float:
        """Σ log dz/du: what turns a density of z into one of u."""
        return -len(u) * float(np.log(self.scale))

    def backward(self, z: Array) -> Array:
        """The utilities of transformed values, any shape."""
        with np.errstate(over="ignore"):
            return _bounded(self.location + self.scale * z)

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of u where z is normal: (r,), (r,)."""
        with np.errstate(over="ignore"):
            return self.backward(mean), _bounded(self.scale * sd)


class CompressBad(Response):
    """Logarithmic below the median: w = t for t ≥ 0 and −log(1 − t) for t < 0, then standardised.

    t = (u − median) / spread, where spread is the good half's root mean square distance from the
    median: differences among bad points are compressed to the scale on which good ones differ.
    """

    kind: Literal["compress-bad"] = "compress-bad"
    median: float
    spread: float
    location: float
    scale: float

    @classmethod
    def fit(cls, u: Array) -> CompressBad | None:
        """From utilities (n,), n ≥ 1; None where the good half is all equal."""
        u = _bounded(u)
        median = float(np.median(u))
        good = u[u >= median] / _magnitude(u) - median / _magnitude(u)
        spread = float(np.sqrt(np.mean(good * good))) * _magnitude(u)
        if not spread > 1e-12 * _magnitude(u):
            return None
        location, scale = _location_scale(_compress(_cut(u / spread - median / spread, 1e300)))
        return cls(median=median, spread=spread, location=location, scale=scale)

    def forward(self, u: Array) -> Array:
        """Transformed values of utilities, any shape."""
        with np.errstate(over="ignore"):
            return _cut((_compress(self._distance(u)) - self.location) / self.scale)

    def slope(self, u: Array) -> Array:
        """dz/du, any shape."""
        compression = 1.0 / (1.0 - np.minimum(self._distance(u), 0.0))
        with np.errstate(over="ignore"):
            return _bounded(compression / self.spread / self.scale)

    def log_slope_sum(self, u: Array) -> float:
        """Σ log dz/du: what turns a density of z into one of u."""
        compression = -np.log1p(-np.minimum(self._distance(u), 0.0)).sum()
        return float(compression) - len(u) * float(np.log(self.spread) + np.log(self.scale))

    def backward(self, z: Array) -> Array:
        """The utilities of transformed values, any shape."""
        w = self.location + self.scale * z
        with np.errstate(over="ignore"):
            t = np.where(w >= 0.0, w, -np.expm1(-np.clip(w, -700.0, 0.0)))
            return _bounded(self.median + self.spread * t)

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of u where z is normal, by Gauss-Hermite quadrature: (r,), (r,)."""
        u = self.backward(mean[:, None] + sd[:, None] * _NODES)
        size = np.maximum(np.abs(u).max(axis=1), 1e-300)
        u = u / size[:, None]
        centre = u @ _WEIGHTS
        spread = np.sqrt(((u - centre[:, None]) ** 2) @ _WEIGHTS)
        return centre * size, spread * size

    def _distance(self, u: Array) -> Array:
        with np.errstate(over="ignore"):
            return _cut(_bounded(u) / self.spread - self.median / self.spread, 1e300)


Transform = Annotated[Standardize | CompressBad, Field(discriminator="kind")]


def _compress(t: Array) -> Array:
    return np.where(t >= 0.0, t, -np.log1p(-np.minimum(t, 0.0)))


def _cut(z: Array, limit: float = Z_LIMIT) -> Array:
    return np.asarray(np.clip(z, -limit, limit))


def _bounded(u: Array) -> Array:
    return np.asarray(np.clip(u, -U_LIMIT, U_LIMIT))


def _magnitude(u: Array) -> float:
    return max(float(np.abs(u).max()), 1e-200)


def _location_scale(u: Array) -> tuple[float, float]:
    """Mean and standard deviation without overflow; scale `magnitude` where the values don't differ."""
    u = _bounded(u)
    size = _magnitude(u)
    t = u / size
    centre, sd = float(t.mean()), float(t.std())
    return centre * size, (sd if sd > 1e-13 else 1.0) * size
