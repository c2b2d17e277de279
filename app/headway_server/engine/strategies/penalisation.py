"""Local penalisation: keep away from each point in flight, as far as the function could still be rising."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_ndtr

from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.randomness import sobol_block
from headway_server.engine.search.surfaces import Surface

LOG2_PROBES = 8
"""2^this points besides the data are looked at for the steepest slope of the mean."""
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Penalties:
    """log Π_b φ_b(x), φ_b = ½ erfc(−z), z = (L‖x − x_b‖ − M + μ(x_b)) / √(2σ²(x_b)).

    φ_b is the probability that x lies outside the ball around x_b in which a function of Lipschitz constant
    L and maximum M has no maximum (González et al. 2016, eq. 8). L is the steepest slope of the posterior
    mean at the data and at a Sobol block, M the largest mean at an observed point; both over the unit cube.
    """

    centres: Array
    """(b, d)."""
    means: Array
    """(b,): μ(x_b)."""
    sds: Array
    """(b,): σ(x_b)."""
    lipschitz: float
    best: float

    @classmethod
    def around(cls, centres: Array, posterior: Posterior) -> Penalties:
        """The penalties of points in flight (b, d)."""
        probes = np.concatenate([posterior.rows, sobol_block(posterior.rows.shape[1], LOG2_PROBES)])
        slopes = np.linalg.norm(posterior.mean_with_gradient(probes)[1], axis=1)
        best = float(posterior.means_at_data().max())
        return cls(centres, *posterior.moments(centres), max(float(slopes.max()), 1e-7), best)

    def __call__(self, rows: Array) -> tuple[Array, Array]:
        """Σ_b log φ_b (r,) and its gradient (r, d) at (r, d)."""
        away = rows[:, None] - self.centres
        distance = np.sqrt(np.vecdot(away, away))
        t = (self.lipschitz * distance - self.best + self.means) / self.sds  # √2 z: φ = Φ(t)
        log_phi = log_ndtr(t)
        slope = np.exp(-0.5 * t * t - _LOG_SQRT_2PI - log_phi) * (self.lipschitz / self.sds)
        direction = away / np.maximum(distance, 1e-12)[:, :, None]
        return log_phi.sum(axis=1), np.einsum("rb,rbd->rd", slope, direction)


class PenalisedSurface(Surface):
    """log softplus(v) + Σ_b log φ_b: González et al. 2016, eq. 6, whose v may be negative.

    `penalties` gives Σ_b log φ_b (r,) and its gradient (r, d) at (r, d).
    """

    logarithmic = True

    def __init__(self, surface: Surface, penalties: Callable[[Array], tuple[Array, Array]]) -> None:
        self._surface, self._penalties = surface, penalties
        self.beta = surface.beta

    def values(self, rows: Array) -> Array:
        return np.asarray(np.log(_softplus(self._surface.values(rows))) + self._penalties(rows)[0])

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        value, gradient = self._surface.values_and_gradients(rows)
        penalty, away = self._penalties(rows)
        positive = _softplus(value)
        return np.log(positive) + penalty, gradient * (expit(value) / positive)[:, None] + away


def _softplus(value: Array) -> Array:
    """log(1 + e^v), at least 1e-300."""
    return np.asarray(np.maximum(np.logaddexp(0.0, value), 1e-300))
