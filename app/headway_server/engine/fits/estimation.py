"""Maximum a posteriori hyperparameters, by L-BFGS in coordinates in which the data know all equally well."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from scipy.special import expit, logit

from headway_server.engine.fits.hyperparameters import (
    LENGTHSCALE_BOUNDS,
    MEAN_BOUNDS,
    NOISE_BOUNDS,
    OUTPUTSCALE_BOUNDS,
    Data,
    LogPosterior,
    Objective,
)
from headway_server.engine.fits.information import expected_information
from headway_server.engine.gp.kernel import Array

CLOSE = 0.2
"""A fit ends where the gradient puts every coordinate within this many posterior standard deviations of its
best value: nothing that depends on them can tell the difference."""
ENOUGH = 0.1
"""It also ends where a step gains less than this, in nats: far less than the data can tell apart."""
_EDGE = 1e-3
"""A start keeps this share of the bounds' width away from them: on a bound the logistic map is flat."""
_RIDGE = 0.1
"""Information by a logit that is always taken to be there, so that a flat one makes no step without end."""
_HOPELESS = 1e25
"""Stands for minus the log posterior where the kernel matrix has no Cholesky factor."""


@dataclass(frozen=True)
class Maximum:
    """Where a fit ended."""

    theta: Array
    log_posterior: float
    held_out: float
    """See `Evaluated`."""
    evaluations: int


def maximise(
    data: Data, start: Array, max_evaluations: int, log_posterior: Objective | None = None
) -> Maximum | None:
    """The best θ that was reached from a start; None where not even the start has a Cholesky factor.

    θ = low + width · σ(t₀ + L w), with the logistic function σ for the bounds (as GPyTorch's `Interval`
    constraint) and LL' the inverse of the expected information by t at the start t₀: a unit of w is one
    posterior standard deviation. In θ itself L-BFGS's first step has no length to go by, and its next ones
    have to learn how lengthscales, scale and noise trade against each other. `log_posterior` is the data's,
    where it is not to be computed by `LogPosterior`.
    """
    log_posterior = log_posterior or LogPosterior(data)
    bounds = [LENGTHSCALE_BOUNDS] * data.n_parameters + [NOISE_BOUNDS, OUTPUTSCALE_BOUNDS]
    low, high = np.vstack([np.log(bounds), MEAN_BOUNDS]).T
    width = high - low
    share = np.clip((start - low) / width, _EDGE, 1.0 - _EDGE)
    information = expected_information(data, low + width * share)
    if information is None:
        return None
    slope = width * share * (1.0 - share)
    information *= np.outer(slope, slope)
    np.einsum("ii->i", information)[:] += _RIDGE
    begin, step = logit(share), np.linalg.cholesky(np.linalg.inv(information))
    best: Maximum | None = None
    evaluations = 0

    def negated(w: Array) -> tuple[float, Array]:
        nonlocal best, evaluations
        evaluations += 1
        share = expit(begin + step @ w)
        theta = low + width * share
        found = log_posterior(theta)
        if found is None or not math.isfinite(found.value):
            return _HOPELESS, np.zeros_like(w)
        if best is None or found.value > best.log_posterior:
            best = Maximum(theta, found.value, found.held_out, evaluations)
        return -found.value, -((width * share * (1.0 - share) * found.gradient) @ step)

    last = math.inf

    def stop_where_little_is_gained(intermediate_result: OptimizeResult) -> None:
        nonlocal last
        gained, last = last - intermediate_result.fun, intermediate_result.fun
        if gained < ENOUGH:
            raise StopIteration

    minimize(
        negated,
        np.zeros(len(start)),
        jac=True,
        method="L-BFGS-B",
        callback=stop_where_little_is_gained,
        options={"maxfun": max_evaluations, "ftol": 0.0, "gtol": CLOSE, "maxcor": 20},
    )
    return None if best is None else replace(best, evaluations=evaluations)
