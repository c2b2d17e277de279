"""The hyperparameters, their priors, and their log posterior with its gradient in closed form.

The model, as GPyTorch and BoTorch modules: `ScaleKernel(MaternKernel(nu=2.5, ard) * CategoricalKernel(ard))`,
`ConstantMean` and `GaussianLikelihood`, with the dimension-scaled lengthscale prior of Hvarfner et al. 2024
("Vanilla Bayesian optimization performs great in high dimensions") that BoTorch's `SingleTaskGP` also uses.
The coordinates of a one-hot block share one lengthscale.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dsymm
from scipy.linalg.lapack import dpotrf, dpotri

from headway.wire.model import Hyperparameters
from headway_server.engine.gp.kernel import STRIP, Array, Kernel
from headway_server.engine.gp.replicates import Sites

NOISE_BOUNDS = (1e-6, 10.0)
LENGTHSCALE_BOUNDS = (0.025, 1e3)
OUTPUTSCALE_BOUNDS = (0.05, 20.0)
MEAN_BOUNDS = (-5.0, 5.0)
MAX_CONDITION = 1e9
"""The noise is raised to where n · outputscale / noise, which bounds the kernel matrix's condition, is this.
There, what K⁻¹ gets wrong in a variance is a hundredth of the noise. At 1e10 it was a fifth, and with 2,200
results, 200 of them crowded around an optimum, every eighth new one had the matrix factored anew."""
_LOG_2PI = math.log(2.0 * math.pi)


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
    """(n, d): points of the unit cube; equal rows are replicates."""
    z: Array
    """(n,): transformed utilities."""
    variances: Array
    """(n,): known measurement variances in units of z, on top of the inferred noise; 0: none known."""
    parameter_of: npt.NDArray[np.intp]
    """(d,): the parameter that each coordinate encodes."""
    categorical: npt.NDArray[np.bool_]
    """(d,): the coordinates of one-hot blocks."""

    @property
    def n_parameters(self) -> int:
        """Number of lengthscales."""
        return int(self.parameter_of[-1]) + 1


class Evaluated(NamedTuple):
    """The log posterior at one θ."""

    value: float
    gradient: Array
    """(p + 3,)."""
    held_out: float
    """Log density of each observation given all others, summed: how well this θ predicts."""


Objective = Callable[[Array], Evaluated | None]
"""θ (p + 3,) to what `LogPosterior` gives; None where the kernel matrix has no Cholesky factor."""


class LogPosterior:
    """log p(z, θ) over θ = (log ℓ_1 … log ℓ_p, log noise, log outputscale, mean), up to no constant."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.prior = lengthscale_prior(data.n_parameters)
        self._sites = Sites.among(data.rows)

    def __call__(self, theta: Array) -> Evaluated | None:
        """None where the kernel matrix has no Cholesky factor.

        One inverse serves all derivatives. Rasmussen and Williams 2006, eq. 5.9, with
        ∂K/∂log ℓ_j = (s/3) (1 + R) e^{−R−H} ∘ (u_ij − u_kj)² for numbers and K ∘ (u_ij − u_kj)², summed over
        the block, for categories; contracted with ½G = ½(αα' − K⁻¹) each is Σ_i a_i u_ij² − Σ_i u_ij (A u)_ij
        with A = G ∘ slope (or G ∘ K) and a = A1. Only lower triangles are filled. Replicates stand as one
        row; the derivatives by noise are those of the single observations (`Sites.unmerge`).
        """
        data, p, sites = self.data, self.data.n_parameters, self._sites
        m = len(sites.rows)
        log_ell, log_noise, log_s, mean = theta[:p], theta[p], theta[p + 1], theta[p + 2]
        noise, s = math.exp(log_noise), math.exp(log_s)
        kernel = Kernel(np.exp(log_ell)[data.parameter_of], data.categorical)
        u = kernel.scaled(sites.rows)
        lifted = kernel.lifted(u)
        whole = noise + data.variances
        z, diagonal = sites.merge(data.z, whole)
        k, slopes = np.zeros((m, m)), np.zeros((m, m))
        for rows, columns, correlation, slope in kernel.strips(u, lifted):
            k[rows, columns] = correlation
            slopes[rows, columns] = slope
        likeness = None if kernel.numeric_only else k.copy()
        k *= s
        np.einsum("ii->i", k)[:] = s + diagonal
        factor, status = dpotrf(k.T, lower=0, overwrite_a=1, clean=0)
        if status != 0:
            return None
        half_log_det = float(np.log(np.einsum("ii->i", factor)).sum())
        inverse, _ = dpotri(factor, lower=0, overwrite_c=1)  # only its upper triangle means anything
        residual = z - mean
        alpha = dsymm(1.0, inverse, residual[:, None], lower=0)[:, 0]
        value = -0.5 * float(residual @ alpha) - half_log_det - 0.5 * m * _LOG_2PI
        value += sites.scatter(data.z, whole)
        precision = inverse.diagonal().copy()
        by_diagonal = alpha * alpha - precision
        each_alpha, each_precision = sites.unmerge(data.z, whole, alpha, precision)

        weights = inverse.T  # C order; its lower triangle means something
        for start in range(0, m, STRIP):
            rows, columns = slice(start, start + STRIP), slice(0, min(m, start + STRIP))
            strip = weights[rows, columns]
            np.subtract(alpha[rows, None] * alpha[columns], strip, out=strip)
        if likeness is not None:
            likeness *= weights
        weights *= slopes
        by_coordinate = (s / 3.0) * _contracted(weights, u)
        if likeness is not None:
            by_coordinate[kernel.choices] = s * _contracted(likeness, u[:, kernel.choices])
        gradient = np.empty(p + 3)
        gradient[:p] = np.bincount(data.parameter_of, by_coordinate, minlength=p)
        gradient[p] = 0.5 * noise * float((each_alpha * each_alpha - each_precision).sum())
        of_noise = float(by_diagonal @ diagonal)
        gradient[p + 1] = 0.5 * (float(residual @ alpha) - m - of_noise)
        gradient[p + 2] = alpha.sum()

        for prior, where in (
            (self.prior, slice(0, p)),
            (NOISE_PRIOR, slice(p, p + 1)),
            (OUTPUTSCALE_PRIOR, slice(p + 1, p + 2)),
        ):
            log_p, d_log_p = prior.log_density(theta[where])
            value += float(log_p.sum())
            gradient[where] += d_log_p
        return Evaluated(value, gradient, held_out(each_alpha, each_precision))


def held_out(alpha: Array, precision: Array) -> float:
    """Σ_i log p(z_i | all others) of (K⁻¹(z − mean))_i and (K⁻¹)_ii, (n,): their error is α/K⁻¹_ii and
    their variance 1/K⁻¹_ii (Rasmussen and Williams 2006, eq. 5.10 to 5.12).
    """
    return 0.5 * float((np.log(precision) - alpha * alpha / precision - _LOG_2PI).sum())


def _contracted(weights: Array, u: Array) -> Array:
    """½ Σ_ik A_ik (u_ij − u_kj)² for a symmetric A, of which the lower triangle is given: (d,)."""
    product = dsymm(1.0, weights.T, np.column_stack([u, np.ones(len(u))]), lower=0)
    return np.asarray(
        np.einsum("i,ij,ij->j", product[:, -1], u, u) - np.einsum("ij,ij->j", u, product[:, :-1])
    )


def cold_start(n_parameters: int) -> Array:
    """θ at which a fit without history begins: lengthscales √d/2, noise 1e-2, outputscale 1, mean 0."""
    log_ell = math.log(0.5) + 0.5 * math.log(n_parameters)
    return np.array([log_ell] * n_parameters + [math.log(1e-2), 0.0, 0.0])


def to_wire(theta: Array, data: Data, transform: str) -> Hyperparameters:
    """θ with one lengthscale per coordinate, and with noise enough for the algebra that is to come."""
    p = data.n_parameters
    outputscale = math.exp(theta[p + 1])
    return Hyperparameters(
        lengthscales=tuple(np.exp(theta[:p])[data.parameter_of].tolist()),
        noise=max(math.exp(theta[p]), len(data.z) * outputscale / MAX_CONDITION),
        outputscale=outputscale,
        mean=float(theta[p + 2]),
        transform=transform,
        categorical=tuple(np.flatnonzero(data.categorical).tolist()),
    )


def to_theta(hyperparameters: Hyperparameters, parameter_of: npt.NDArray[np.intp]) -> Array:
    """The inverse of `to_wire`."""
    first = np.flatnonzero(np.diff(parameter_of, prepend=-1))
    positive = [hyperparameters.noise, hyperparameters.outputscale]
    logs = np.log(np.append(np.asarray(hyperparameters.lengthscales)[first], positive))
    return np.append(logs, hyperparameters.mean)
