"""Acquisition functions as functions of the posterior's mean and standard deviation.

Each is called with (r,) means and (r,) standard deviations of the transformed utility (larger is
better) and returns its value and its two partial derivatives, (r,) each. The posterior turns those
into gradients over the unit cube.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from scipy.special import erfcx, ndtr

from headway_server.engine.gp.kernel import Array

_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


class Acquisition(Protocol):
    """Value, ∂/∂mean and ∂/∂sd."""

    @property
    def logarithmic(self) -> bool:
        """Whether values are logarithms of something positive."""
        ...

    def __call__(self, mean: Array, sd: Array) -> tuple[Array, Array, Array]: ...


@dataclass(frozen=True)
class UpperConfidenceBound:
    """μ + √β σ (Srinivas et al. 2010, "Gaussian process optimization in the bandit setting", eq. 6)."""

    root_beta: float
    logarithmic: ClassVar[bool] = False

    def __call__(self, mean: Array, sd: Array) -> tuple[Array, Array, Array]:
        return mean + self.root_beta * sd, np.ones_like(mean), np.full_like(mean, self.root_beta)


@dataclass(frozen=True)
class LogExpectedImprovement:
    """log E[max(f − best, 0)] = log σ + log h((μ − best)/σ), h(u) = φ(u) + u Φ(u).

    Ament et al. 2023, "Unexpected improvements to expected improvement", eq. 9.
    """

    best: float
    logarithmic: ClassVar[bool] = True

    def __call__(self, mean: Array, sd: Array) -> tuple[Array, Array, Array]:
        value, d_log_h, phi_over_h = log_h((mean - self.best) / sd)
        return np.log(sd) + value, d_log_h / sd, phi_over_h / sd


def log_h(u: Array) -> tuple[Array, Array, Array]:
    """Log h(u), Φ(u)/h(u) and φ(u)/h(u) for h = φ + uΦ, accurate for every finite u of |u| ≤ 1e150.

    u > −1: directly. Below, h = φ (1 − |u| √(π/2) erfcx(|u|/√2)), whose bracket cancels: to a relative
    error of 1e-16 u², so from u = −200 on its asymptotic series 1/u² − 3/u⁴ + 15/u⁶ takes over (relative
    error below 1e-15 there).
    """
    value, ratio, phi_ratio = np.empty_like(u), np.empty_like(u), np.empty_like(u)
    near = u > -1.0
    v = u[near]
    phi, cdf = np.exp(-0.5 * v * v - _LOG_SQRT_2PI), ndtr(v)
    h = phi + v * cdf
    value[near], ratio[near], phi_ratio[near] = np.log(h), cdf / h, phi / h
    w = -u[~near]
    mills = math.sqrt(0.5 * math.pi) * erfcx(w / math.sqrt(2.0))  # Φ(−w)/φ(w)
    inverse = 1.0 / (w * w)
    series = inverse * (1.0 - inverse * (3.0 - inverse * (15.0 - 105.0 * inverse)))
    bracket = np.where(w < 200.0, 1.0 - w * mills, series)
    value[~near] = -0.5 * w * w - _LOG_SQRT_2PI + np.log(bracket)
    ratio[~near], phi_ratio[~near] = mills / bracket, 1.0 / bracket
    return value, ratio, phi_ratio
