"""Outcome constraints: how probable it is that a point keeps them, and what that does to an acquisition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import log_ndtr

from headway_server.engine.gp.acquisition import LogExpectedImprovement
from headway_server.engine.gp.kernel import Array
from headway_server.engine.search.surfaces import AcquisitionSurface, Surface

_LOG_SQRT_2PI = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class LogProbabilityWithin:
    """log P(low ≤ f ≤ high) = log[Φ((high − μ)/σ) − Φ((low − μ)/σ)] of the latent function; ends may be
    infinite.

    Gardner et al. 2014, "Bayesian optimization with inequality constraints", eq. 6. Both ends are turned to
    the side of the mean where Φ is small, so that nothing cancels.
    """

    low: float
    high: float
    logarithmic: ClassVar[bool] = True

    def __call__(self, mean: Array, sd: Array) -> tuple[Array, Array, Array]:
        a, b = (self.low - mean) / sd, (self.high - mean) / sd
        turned = a + b > 0.0
        left, right = np.where(turned, -b, a), np.where(turned, -a, b)
        log_right = log_ndtr(right)
        share = np.exp(log_ndtr(left) - log_right)  # Φ(left)/Φ(right)
        value = log_right + np.log1p(-np.minimum(share, 1.0 - 1e-15))
        phi_a, phi_b = (_phi_over(at, value) for at in (a, b))
        by_mean = (phi_a - phi_b) / sd
        by_sd = (_times(a, phi_a) - _times(b, phi_b)) / sd
        return value, by_mean, by_sd


def _phi_over(at: Array, log_p: Array) -> Array:
    """φ(at)/p."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isfinite(at), np.exp(-0.5 * at * at - _LOG_SQRT_2PI - log_p), 0.0)


def _times(at: Array, density: Array) -> Array:
    return np.where(np.isfinite(at), at, 0.0) * density


class LogProbability(Surface):
    """Σ log p over independent conditions: where nothing is known to keep them all, this is maximised."""

    logarithmic = True

    def __init__(self, parts: Sequence[Surface]) -> None:
        self._parts = parts

    def values(self, rows: Array) -> Array:
        return np.asarray(np.sum([part.values(rows) for part in self._parts], axis=0))

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        found = [part.values_and_gradients(rows) for part in self._parts]
        return np.sum([value for value, _ in found], axis=0), np.sum([slope for _, slope in found], axis=0)


class WeighedSurface(Surface):
    """An acquisition weighed by the probability p that its point is feasible.

    * A logarithm, such as that of an improvement: log EI + log p (Gardner et al. 2014, eq. 7, in logarithms).
    * Any other value v, of the UCB family or a Thompson path: (v − floor) p where v is above the floor, the
      worst posterior mean at an observed point, and v − floor below it. The shift makes "certainly
      infeasible" as bad as the worst that was seen, whatever the sign of v.
    """

    def __init__(self, surface: Surface, log_p: Surface, floor: float) -> None:
        self._surface, self._log_p, self._floor = surface, log_p, floor
        self.logarithmic = surface.logarithmic
        self.beta, self.path_id, self.n_given = surface.beta, surface.path_id, surface.n_given

    def values(self, rows: Array) -> Array:
        value, log_p = self._surface.values(rows), self._log_p.values(rows)
        if self.logarithmic:
            return np.asarray(value + log_p)
        above = value - self._floor
        return np.where(above > 0.0, above * np.exp(log_p), above)

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        value, slope = self._surface.values_and_gradients(rows)
        log_p, slope_p = self._log_p.values_and_gradients(rows)
        if self.logarithmic:
            return value + log_p, slope + slope_p
        above = value - self._floor
        p = np.where(above > 0.0, np.exp(log_p), 1.0)
        pull = np.where(above > 0.0, above * p, 0.0)
        return above * p, slope * p[:, None] + slope_p * pull[:, None]


def is_log_improvement(surface: Surface) -> bool:
    """Whether a surface's values are logarithms of an expected improvement."""
    return isinstance(surface, AcquisitionSurface) and isinstance(surface.acquisition, LogExpectedImprovement)
