"""Maximum a posteriori hyperparameters, by L-BFGS with the closed-form gradient.

The model, as GPyTorch modules: `ScaleKernel(MaternKernel(nu=2.5, ard))`, `ConstantMean` and
`GaussianLikelihood`, with the dimension-scaled lengthscale prior of Hvarfner et al. 2024 ("Vanilla
Bayesian optimization performs great in high dimensions") that BoTorch's `SingleTaskGP` also uses. The
coordinates of a one-hot block share one lengthscale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dsymm
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from headway.wire.model import Hyperparameters
from headway_server.engine.kernel import SQRT5, Array, lift_left, lift_right, matern52

NOISE_BOUNDS = (1e-6, 10.0)
LENGTHSCALE_BOUNDS = (0.025, 1e3)
OUTPUTSCALE_BOUNDS = (0.05, 20.0)
MEAN_BOUNDS = (-5.0, 5.0)
_LOG_2PI = math.log(2.0 * math.pi)
_HOPELESS = 1e25
"""Stands for minus the log posterior where the kernel matrix has no Cholesky factor."""


@dataclass(frozen=True)
class LogNormal:
    """A prior whose density is taken over the parameter itself, not over its logarithm (as GPyTorch does)."""

    location: float
    scale: float

    def log_density(self, log_x: Array) -> tuple[Array, Array]:
        """Log density and its derivative by log x, at log x: any shape."""
        t = (log_x - self.location) / self.scale
        log_p = -0.5 * t * t - log_x - math.log(self.scale) - 0.5 * _LOG_2PI
        return log_p, -t / self.scale - 1.0

    @property
    def log_mode(self) -> float:
        """Log of the value of highest density."""
        return self.location - self.scale**2


NOISE_PRIOR = LogNormal(-4.0, 1.0)
OUTPUTSCALE_PRIOR = LogNormal(0.0, 0.5)


def lengthscale_prior(n_parameters: int) -> LogNormal:
    """LogNormal(√2 + ½ log d, √3)."""
    return LogNormal(math.sqrt(2.0) + 0.5 * math.log(n_parameters), math.sqrt(3.0))


@dataclass(frozen=True)
class Data:
    """What hyperparameters are fitted to."""

    rows: Array
    """(n, d): points of the unit cube."""
    z: Array
    """(n,): transformed utilities."""
    variances: Array
    """(n,): known measurement variances in units of z, on top of the inferred noise; 0: none known."""
    parameter_of: npt.NDArray[np.intp]
    """(d,): the parameter that each coordinate encodes."""

    @property
    def n_parameters(self) -> int:
        """Number of lengthscales."""
        return int(self.parameter_of[-1]) + 1


class LogPosterior:
    """log p(z, θ) over θ = (log ℓ_1 … log ℓ_p, log noise, log outputscale, mean), up to no constant."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.prior = lengthscale_prior(data.n_parameters)

    def __call__(self, theta: Array) -> tuple[float, Array] | None:
        """Value and gradient (p + 3,); None where the kernel matrix has no Cholesky factor.

        One inverse serves all derivatives. Rasmussen and Williams 2006, eq. 5.9, with
        ∂K/∂log ℓ_j = (s/3) (1 + R) e^{−R} ∘ (u_ij − u_kj)²: contracted with G = αα' − K⁻¹ that is
        Σ_i a_i u_ij² − Σ_i u_ij (A u)_ij with A = G ∘ (s/3)(1 + R)e^{−R} and a = A1.
        """
        data, p = self.data, self.data.n_parameters
        n = len(data.z)
        log_ell, log_noise, log_s, mean = theta[:p], theta[p], theta[p + 1], theta[p + 2]
        noise, s = math.exp(log_noise), math.exp(log_s)
        u = (data.rows - 0.5) * (SQRT5 * np.exp(-log_ell))[data.parameter_of]
        right = lift_right(u)
        k, slope = matern52(lift_left(u) @ right.T)
        k *= s
        diagonal = np.einsum("ii->i", k)
        diagonal[:] = s + noise + data.variances
        factor, status = dpotrf(k.T, lower=1, overwrite_a=1, clean=0)
        if status != 0:
            return None
        half_log_det = float(np.log(np.einsum("ii->i", factor)).sum())
        inverse, _ = dpotri(factor, lower=1, overwrite_c=1)  # only its lower triangle means anything
        residual = data.z - mean
        alpha = dsymm(1.0, inverse, residual[:, None], lower=1)[:, 0]
        value = -0.5 * float(residual @ alpha) - half_log_det - 0.5 * n * _LOG_2PI
        trace_terms = alpha * alpha - np.einsum("ii->i", inverse)

        weights = inverse.T  # C order; its upper triangle means something
        np.subtract(alpha[:, None] * alpha, weights, out=weights)
        weights *= slope
        product = dsymm(s / 3.0, weights.T, right[:, :-1], lower=1)
        by_coordinate = np.einsum("i,ij,ij->j", product[:, -1], u, u) - np.einsum(
            "ij,ij->j", u, product[:, :-1]
        )
        gradient = np.empty(p + 3)
        gradient[:p] = np.bincount(data.parameter_of, by_coordinate, minlength=p)
        gradient[p] = 0.5 * noise * trace_terms.sum()
        of_noise = float(trace_terms @ (noise + data.variances))
        gradient[p + 1] = 0.5 * (float(residual @ alpha) - n - of_noise)
        gradient[p + 2] = alpha.sum()

        for prior, where in (
            (self.prior, slice(0, p)),
            (NOISE_PRIOR, slice(p, p + 1)),
            (OUTPUTSCALE_PRIOR, slice(p + 1, p + 2)),
        ):
            log_p, d_log_p = prior.log_density(theta[where])
            value += float(log_p.sum())
            gradient[where] += d_log_p
        return value, gradient


@dataclass(frozen=True)
class Maximum:
    """Where a fit ended."""

    theta: Array
    log_posterior: float
    evaluations: int


def cold_start(n_parameters: int) -> Array:
    """θ at which a fit without history begins: lengthscales √d/2, noise 1e-2, outputscale 1, mean 0."""
    log_ell = math.log(0.5) + 0.5 * math.log(n_parameters)
    return np.array([log_ell] * n_parameters + [math.log(1e-2), 0.0, 0.0])


def maximise(data: Data, start: Array, max_evaluations: int) -> Maximum | None:
    """The best θ that L-BFGS reached from a start; None where not even the start has a Cholesky factor."""
    log_posterior = LogPosterior(data)
    p = data.n_parameters
    bounds = [LENGTHSCALE_BOUNDS] * p + [NOISE_BOUNDS, OUTPUTSCALE_BOUNDS]
    box = np.vstack([np.log(bounds), MEAN_BOUNDS])
    best: Maximum | None = None
    evaluations = 0

    def objective(theta: Array) -> tuple[float, Array]:
        nonlocal best, evaluations
        evaluations += 1
        found = log_posterior(theta)
        if found is None or not math.isfinite(found[0]):
            return _HOPELESS, np.zeros_like(theta)
        value, gradient = found
        if best is None or value > best.log_posterior:
            best = Maximum(theta.copy(), value, evaluations)
        return -value, -gradient

    minimize(
        objective,
        np.clip(start, box[:, 0], box[:, 1]),
        jac=True,
        method="L-BFGS-B",
        bounds=box,
        options={
            "maxfun": max_evaluations,
            "maxiter": max_evaluations,
            "ftol": 1e-7,
            "gtol": 1e-3,
            "maxcor": 10,
        },
    )
    return None if best is None else Maximum(best.theta, best.log_posterior, evaluations)


def to_wire(theta: Array, data: Data, transform: str) -> Hyperparameters:
    """θ with one lengthscale per coordinate."""
    p = data.n_parameters
    return Hyperparameters(
        lengthscales=tuple(np.exp(theta[:p])[data.parameter_of].tolist()),
        noise=math.exp(theta[p]),
        outputscale=math.exp(theta[p + 1]),
        mean=float(theta[p + 2]),
        transform=transform,
    )


def to_theta(hyperparameters: Hyperparameters, parameter_of: npt.NDArray[np.intp]) -> Array:
    """The inverse of `to_wire`."""
    first = np.flatnonzero(np.diff(parameter_of, prepend=-1))
    positive = [hyperparameters.noise, hyperparameters.outputscale]
    logs = np.log(np.append(np.asarray(hyperparameters.lengthscales)[first], positive))
    return np.append(logs, hyperparameters.mean)
