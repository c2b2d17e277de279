"""Where a study's points turn out infeasible: a Gaussian process classifier over the unit cube.

Probit likelihood, Laplace's approximation (Rasmussen and Williams 2006, algorithms 3.1 and 3.2), the engine's
own kernel with one lengthscale for all numbers. Failed trials teach it nothing: a crash is not a place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, cholesky
from scipy.special import log_ndtr, ndtri

from headway_server.engine.gp.kernel import Array, Kernel
from headway_server.engine.search.surfaces import Surface

MOST = 150
"""Latest feasible and latest infeasible points that it is fitted to, each: bounds a fit to some 20 ms."""
LENGTHSCALES = (0.15, 0.3, 0.6)
"""In units of √(number of parameters)."""
OUTPUTSCALE = 6.0
GROWTH = 1.25
"""The lengthscale is chosen anew, by the marginal likelihood, when the points have grown by this factor."""
NEWTON_STEPS = 30
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


class Feasibility:
    """Which points were feasible so far, in order of arrival, and the model of it."""

    def __init__(self, n_parameters: int, categorical: npt.NDArray[np.bool_]) -> None:
        self._root_p = math.sqrt(n_parameters)
        self._categorical = categorical
        self._rows: list[Array] = []
        self._labels: list[bool] = []
        self.infeasible = np.empty((0, len(categorical)))
        """(i, d): the infeasible points."""
        self._factors: dict[int, float] = {}
        self._surface: tuple[int, LogFeasibility] | None = None

    def append(self, row: Array, *, feasible: bool) -> None:
        """Take note of one outcome at (d,)."""
        self._rows.append(row)
        self._labels.append(feasible)
        if not feasible:
            self.infeasible = np.concatenate([self.infeasible, row[None]])

    def surface(self) -> LogFeasibility | None:
        """Log probability that a point is feasible; None while no point was infeasible.

        A function of the outcomes in order, whatever was asked before.
        """
        n = len(self._labels)
        if len(self.infeasible) == 0:
            return None
        if self._surface is None or self._surface[0] != n:
            self._surface = n, self._fitted(n, self._factor(_milestone(n)))
        return self._surface[1]

    def _factor(self, n: int) -> float:
        """The lengthscale of highest evidence for the first n outcomes."""
        if n not in self._factors:
            evidence = [self._fitted(n, factor).evidence for factor in LENGTHSCALES]
            self._factors[n] = LENGTHSCALES[int(np.argmax(evidence))]
        return self._factors[n]

    def _fitted(self, n: int, factor: float) -> LogFeasibility:
        labels = np.array(self._labels[:n])
        kept = np.sort(np.concatenate([np.flatnonzero(labels == kind)[-MOST:] for kind in (False, True)]))
        lengthscales = np.where(self._categorical, 1.0, factor * self._root_p)
        rate = (labels.sum() + 1.0) / (n + 2.0)
        return LogFeasibility.fit(
            Kernel(lengthscales, self._categorical),
            OUTPUTSCALE,
            float(ndtri(rate)) * math.sqrt(1.0 + OUTPUTSCALE),
            np.array(self._rows)[kept],
            np.where(labels[kept], 1.0, -1.0),
        )


@lru_cache(maxsize=1024)
def _milestone(n: int) -> int:
    """The largest number of outcomes, up to n, at which the scales are chosen."""
    reached = 1
    while (larger := max(reached + 1, int(reached * GROWTH))) <= n:
        reached = larger
    return reached


@dataclass(frozen=True)
class LogFeasibility(Surface):
    """log Φ(μ(x)/√(1 + σ²(x))) of the latent function (Rasmussen and Williams 2006, eq. 3.82)."""

    logarithmic = True

    kernel: Kernel
    outputscale: float
    mean: float
    lifted: Array
    """(n, …): the lifted points."""
    slope: Array
    """(n,): ∇ log p(y|f) at the mode."""
    shrink: Array
    """(n, n): W^½ B⁻¹ W^½, which takes K⁻¹'s place in the variance."""
    evidence: float
    """Laplace's approximation of log p(y), eq. 3.32."""

    @classmethod
    def fit(
        cls, kernel: Kernel, outputscale: float, mean: float, rows: Array, labels: Array
    ) -> LogFeasibility:
        """From points (n, d) and labels of −1 and 1 (n,), by Newton's iteration."""
        u = kernel.scaled(rows)
        lifted = kernel.lifted(u)
        k = kernel.correlate(u, lifted)[0] * outputscale
        a, evidence = np.zeros(len(labels)), -math.inf
        for _ in range(NEWTON_STEPS):
            f = mean + k @ a
            log_p, slope, curvature = _probit(labels, f)
            before, evidence = evidence, float(log_p.sum() - 0.5 * a @ (f - mean))
            root = np.sqrt(curvature)
            factor = cholesky(np.eye(len(f)) + root[:, None] * k * root, lower=True, check_finite=False)
            if abs(evidence - before) < 1e-8:
                break
            b = curvature * (f - mean) + slope
            a = b - root * cho_solve((factor, True), root * (k @ b), check_finite=False)
        inverse = cho_solve((factor, True), np.diag(root), check_finite=False)
        log_det = float(np.log(np.diagonal(factor)).sum())
        return cls(kernel, outputscale, mean, lifted, slope, root[:, None] * inverse, evidence - log_det)

    def values(self, rows: Array) -> Array:
        """(r, d) to (r,)."""
        return self._moments(self.kernel.scaled(rows))[0]

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        """(r, d) to (r,) and (r, d)."""
        u = self.kernel.scaled(rows)
        value, t, whole, solved, slopes = self._moments(u)
        by_t = np.exp(-0.5 * t * t - _LOG_SQRT_2PI - value)
        # t = μ/√(1 + σ²), ∂σ²/∂k = −2Mk
        weights = (by_t / np.sqrt(whole))[:, None] * self.slope
        weights += (by_t * t / whole)[:, None] * solved
        weights *= slopes
        gradient = self.kernel.pull_back(weights, self.lifted, u)
        return value, gradient * (self.outputscale / 3.0 * self.kernel.weights)

    def _moments(self, u: Array) -> tuple[Array, Array, Array, Array, Array]:
        k, slopes = self.kernel.correlate(u, self.lifted)
        k *= self.outputscale
        solved = k @ self.shrink
        whole = 1.0 + np.maximum(self.outputscale - np.vecdot(solved, k), 0.0)
        t = (self.mean + k @ self.slope) / np.sqrt(whole)
        return log_ndtr(t), t, whole, solved, slopes


def _probit(labels: Array, f: Array) -> tuple[Array, Array, Array]:
    """Log Φ(yf), its first derivative and minus its second by f (Rasmussen and Williams 2006, eq. 3.16)."""
    log_p = log_ndtr(labels * f)
    ratio = np.exp(-0.5 * f * f - _LOG_SQRT_2PI - log_p)
    return log_p, labels * ratio, np.maximum(ratio * (ratio + labels * f), 1e-12)
