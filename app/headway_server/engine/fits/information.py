"""How sharply data determine hyperparameters: the expected curvature that a fit's first steps follow."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from headway_server.engine.fits.hyperparameters import (
    NOISE_PRIOR,
    OUTPUTSCALE_PRIOR,
    Data,
    lengthscale_prior,
)
from headway_server.engine.gp.kernel import Array, Kernel

SAMPLE = 64
"""Observations that it is computed on. The information of all of them is taken to be in proportion: what a
first step needs is how the hyperparameters play into each other."""


def expected_information(data: Data, theta: Array) -> Array | None:
    """Expected negative Hessian of the log posterior at θ (p + 3,), from a sample: (p + 3, p + 3).

    Fisher's information ½ tr(K⁻¹ ∂_i K K⁻¹ ∂_j K), and 1'K⁻¹1 for the mean (Mardia and Marshall 1984,
    "Maximum likelihood estimation of models for residual covariance in spatial regression", eq. 2.3), plus
    the curvature of the priors; positive definite. None where K has no Cholesky factor. The sample is even
    in the order of arrival.
    """
    n, p = len(data.z), data.n_parameters
    sample = np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.intp))
    m = len(sample)
    positive = np.exp(theta[: p + 2])
    noise, s = float(positive[p]), float(positive[p + 1])
    kernel = Kernel(positive[data.parameter_of], data.categorical)
    u = kernel.scaled(data.rows[sample])
    correlation, slope = kernel.correlate(u, kernel.lifted(u))
    correlation *= s
    slope *= s / 3.0
    by_parameter = np.zeros((p + 2, m, m))
    for j, parameter in enumerate(data.parameter_of):
        away = u[:, j, None] - u[:, j]
        away *= away
        away *= correlation if data.categorical[j] else slope
        by_parameter[parameter] += away
    np.einsum("ii->i", by_parameter[p])[:] = noise
    by_parameter[p + 1] = correlation
    np.einsum("ii->i", correlation)[:] += noise + data.variances[sample]
    factor, status = dpotrf(correlation, lower=1, overwrite_a=1)
    if status != 0:
        return None
    side_by_side = by_parameter.reshape(-1, m).T  # each is symmetric
    solved = dpotrs(factor, side_by_side, lower=1)[0].reshape(m, p + 2, m)  # K⁻¹ ∂_i K
    information = np.zeros((p + 3, p + 3))
    flat = np.ascontiguousarray(solved.transpose(1, 0, 2)).reshape(p + 2, -1)
    turned = np.ascontiguousarray(solved.transpose(1, 2, 0)).reshape(p + 2, -1)
    information[: p + 2, : p + 2] = 0.5 * (flat @ turned.T)
    information[p + 2, p + 2] = dpotrs(factor, np.ones(m), lower=1)[0].sum()
    information *= n / m
    scales = [lengthscale_prior(p).scale] * p + [NOISE_PRIOR.scale, OUTPUTSCALE_PRIOR.scale]
    np.einsum("ii->i", information)[: p + 2] += 1.0 / np.square(scales)
    return information
