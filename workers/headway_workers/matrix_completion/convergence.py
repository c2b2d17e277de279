"""How descent converges: straight, at the Hessian's rate, balanced, and down to the noise.

1200 × 800, rank 10, a share of 0.2 seen, η = 0.5, one seed; the figures of an independent trial are those of
another program on problems of the same law.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headway_workers.contract import Check
from headway_workers.matrix_completion.curvature import local_rate
from headway_workers.matrix_completion.descent import descend, imbalance, spectral_start
from headway_workers.matrix_completion.residuals import residuals
from headway_workers.matrix_completion.synthetic import Ensemble, Synthetic

ETA = 0.5
WEIGHTS = {"BGD": 0.5, "RGD_F": 1e-10, "RGD_row": 1.0}
"""λ in the comparisons. That of RGD_F is so small because any other moves the solution."""


def convergence() -> Iterator[Check]:
    """All of these checks."""
    for kappa in (1.0, 5.0):
        yield linear_convergence(kappa)
        yield exact_rate(kappa)
        yield iterations("VGD", kappa)
        yield iterations("ScaledGD", kappa)
        yield from same_quality(kappa)
        yield from balance_along_the_path(kappa)
    yield imbalance_of_scaled_descent()
    yield from noise_floor()


class History(NamedTuple):
    """A descent until its error is small enough."""

    errors: NDArray[np.float64]
    """‖X Yᵀ − M‖_F/‖M‖_F at each iterate."""
    imbalance: float
    """Largest ‖XᵀX − YᵀY‖_F/σ₁ along the path until the error was 1e-8."""

    def iterations(self, below: float = 1e-8) -> int:
        """Steps until the error was below."""
        return int(np.argmax(self.errors < below))


@cache
def problem(kappa: float) -> Synthetic:
    """The matrix of condition number κ that the convergence checks share."""
    return Ensemble(kappa=kappa).draw(0)


@cache
def history(algorithm: str, kappa: float, down_to: float = 1e-8) -> History:
    """A descent from the spectral start until the error is below `down_to`, at most 2,000 steps."""
    drawn = problem(kappa)
    start = spectral_start(drawn.observed, drawn.ensemble.rank)
    errors: list[float] = []
    largest = 0.0
    lam = WEIGHTS.get(algorithm, 0.0)
    for at in descend(residuals(drawn.observed), start, ETA, 2_000, algorithm=algorithm, lam=lam):
        errors.append(drawn.error(at.X, at.Y))
        if errors[-1] >= 1e-8 or not at.iteration:
            largest = max(largest, float(np.linalg.norm(imbalance(at.X, at.Y))) / start.sigma1)
        if errors[-1] < down_to:
            break
    return History(np.array(errors), largest)


def straight_line(errors: NDArray[np.float64]) -> tuple[float, float]:
    """The rate and R² of a straight line through log-error against iteration."""
    steps = np.arange(len(errors))
    slope, _ = np.polyfit(steps, np.log(errors), 1)
    return float(np.exp(slope)), float(np.corrcoef(steps, np.log(errors))[0, 1] ** 2)


def linear_convergence(kappa: float) -> Check:
    """R² of log-error against iteration over the last half of VGD's way to 1e-8: within 0.005 of 1."""
    errors = history("VGD", kappa, DEEP).errors
    errors = errors[: history("VGD", kappa, DEEP).iterations() + 1]
    r2 = straight_line(errors[len(errors) // 2 :])[1]
    return Check(f"R² of log-error against iteration, κ = {kappa:g}", 1.0, r2, 0.005)


DEEP = 1e-13
"""Where the rate is fitted: below 1e-10 the slowest direction alone is left of the error."""


def exact_rate(kappa: float) -> Check:
    """The rate of VGD between errors of 1e-10 and 1e-13, and that of the Hessian at the solution."""
    drawn = problem(kappa)
    errors = history("VGD", kappa, DEEP).errors
    rate, _ = straight_line(errors[errors < 1e-10])
    sigma1 = spectral_start(drawn.observed, drawn.ensemble.rank).sigma1
    exact = local_rate(drawn.observed, drawn.X, drawn.Y, ETA / sigma1)
    return Check(f"rate of VGD against the Hessian's, κ = {kappa:g}", exact, rate, 0.01)


MEASURED_ITERATIONS = {("VGD", 1.0): 75, ("VGD", 5.0): 342, ("ScaledGD", 1.0): 68, ("ScaledGD", 5.0): 70}
"""Steps to 1e-8, from an independent trial."""


def iterations(algorithm: str, kappa: float) -> Check:
    """Steps to an error of 1e-8, within 15 % of an independent trial's: ScaledGD's don't depend on κ."""
    depth = DEEP if algorithm == "VGD" else 1e-8
    ours = history(algorithm, kappa, depth).iterations()
    expected = MEASURED_ITERATIONS[algorithm, kappa]
    return Check(f"iterations of {algorithm} to 1e-8, κ = {kappa:g}", expected, ours, 0.15 * expected)


def same_quality(kappa: float) -> Iterator[Check]:
    """Regularised descents take as many steps to 1e-8 as VGD, within 2 %."""
    vanilla = history("VGD", kappa, DEEP).iterations()
    for algorithm in WEIGHTS:
        ours = history(algorithm, kappa).iterations()
        name = f"iterations of {algorithm}, beside VGD's, κ = {kappa:g}"
        yield Check(name, vanilla, ours, 0.02 * vanilla)


def balance_along_the_path(kappa: float) -> Iterator[Check]:
    """Largest ‖XᵀX − YᵀY‖_F/σ₁: below 0.1 for VGD, and within a factor of 1.5 of BGD's."""
    vanilla, balanced = history("VGD", kappa, DEEP).imbalance, history("BGD", kappa).imbalance
    yield Check(f"largest imbalance of VGD, κ = {kappa:g}: 0 to 0.1", 0.05, vanilla, 0.05)
    middle = (1.5 + 1.0 / 1.5) / 2.0
    name = f"VGD's imbalance over BGD's, κ = {kappa:g}: 1/1.5 to 1.5"
    yield Check(name, middle, vanilla / balanced, 1.5 - middle)


def imbalance_of_scaled_descent() -> Check:
    """ScaledGD does not stay balanced: 1.5 in an independent trial, within 15 %."""
    ours = history("ScaledGD", 5.0).imbalance
    return Check("largest imbalance of ScaledGD, κ = 5", 1.5, ours, 0.15 * 1.5)


def noise_floor() -> Iterator[Check]:
    """‖X Yᵀ − M‖²_F over σ² r (d1 + d2 − r)/p, where descent settles under noise: 0.9 to 1.25."""
    for d1, d2, rank, p in ((300, 200, 5, 0.4), (600, 400, 10, 0.3), (1200, 800, 10, 0.2)):
        drawn = Ensemble(d1, d2, rank, p, sigma=0.1).draw(0)
        start = spectral_start(drawn.observed, rank)
        *_, last = descend(residuals(drawn.observed), start, ETA, 100)
        squared = (drawn.error(last.X, last.Y) * float(np.linalg.norm(drawn.truth))) ** 2
        expected = drawn.noise**2 * rank * (d1 + d2 - rank) / p
        yield Check(f"noise floor, {d1} × {d2}, rank {rank}: 0.9 to 1.25", 1.075, squared / expected, 0.175)
