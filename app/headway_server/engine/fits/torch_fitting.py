"""The log posterior of the hyperparameters on a device: GPyTorch's kernel and priors, by autograd.

The same function of θ as `hyperparameters.LogPosterior`, for the same maximiser.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch

from headway_server.engine.fits.hyperparameters import (
    NOISE_PRIOR,
    OUTPUTSCALE_PRIOR,
    Data,
    Evaluated,
    LogNormal,
    held_out,
    lengthscale_prior,
)
from headway_server.engine.gp.gpytorch_kernel import covariance
from headway_server.engine.gp.kernel import Array, Kernel
from headway_server.engine.gp.replicates import Sites

with warnings.catch_warnings():
    # GPyTorch uses torch.jit.script, which torch has deprecated, while it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from gpytorch.priors import LogNormalPrior

_LOG_2PI = math.log(2.0 * math.pi)


class TorchLogPosterior:
    """log p(z, θ) over θ = (log ℓ_1 … log ℓ_p, log noise, log outputscale, mean), up to no constant.

    The kernel matrix, its factor and its inverse are on the device; what has the size of the data or of θ
    is on the host, where sums over replicates are bitwise reproducible.
    """

    def __init__(self, data: Data, device: str) -> None:
        self._data = data
        self._device = torch.device(device)
        self._sites = Sites.among(data.rows)
        self._rows = torch.tensor(self._sites.rows)
        self._of = torch.tensor(self._sites.of)
        self._z, self._variances = torch.tensor(data.z), torch.tensor(data.variances)
        self._parameter_of = torch.tensor(data.parameter_of)
        self._categorical = torch.tensor(data.categorical)
        # Lengthscales of 1 on coordinates over their lengthscales: those of a block share one, which
        # a module's own parameters can't.
        unit = Kernel(np.ones(len(data.parameter_of)), data.categorical)
        self._kernel = covariance(unit, 1.0, self._device)
        self._priors = (
            _prior(lengthscale_prior(data.n_parameters)),
            _prior(NOISE_PRIOR),
            _prior(OUTPUTSCALE_PRIOR),
        )

    def __call__(self, theta: Array) -> Evaluated | None:
        """None where the kernel matrix has no Cholesky factor.

        With A = K + D and r = z̄ − mean over the sites, ∂/∂A = ½(αα' − A⁻¹) and ∂/∂r = −α (Rasmussen and
        Williams 2006, eq. 5.9) are given to autograd, which takes them to θ through the kernel: the factor
        itself, whose own derivative costs several more of them, is left out of the graph.
        """
        p = self._data.n_parameters
        leaf = torch.tensor(theta, requires_grad=True)
        positive = leaf[: p + 2].exp()
        lengthscales, noise, scale, mean = positive[:p], positive[p], positive[p + 1], leaf[p + 2]
        whole = noise + self._variances
        z, diagonal, scatter = self._merged(whole)
        ell = lengthscales[self._parameter_of]
        x = (self._rows / torch.where(self._categorical, ell.sqrt(), ell)).to(self._device)
        matrix = scale.to(self._device) * self._kernel(x).to_dense() + torch.diag(diagonal.to(self._device))
        with torch.no_grad():
            factor, status = torch.linalg.cholesky_ex(matrix)
            if int(status) != 0:
                return None
            half_log_det = factor.diagonal().log().sum()
            by_matrix = torch.cholesky_inverse(factor)
            del factor
            r = (z - mean).to(self._device)
            alpha = by_matrix @ r
            explained = (-0.5 * (r @ alpha) - half_log_det).cpu()
            precision = by_matrix.diagonal().cpu().numpy().copy()
            by_matrix.neg_().addr_(alpha, alpha).mul_(0.5)
        ell_prior, noise_prior, scale_prior = self._priors
        rest = scatter - 0.5 * len(z) * _LOG_2PI + ell_prior.log_prob(lengthscales).sum()
        rest = rest + noise_prior.log_prob(noise) + scale_prior.log_prob(scale)
        (gradient,) = torch.autograd.grad(
            [matrix, z - mean, rest], leaf, grad_outputs=[by_matrix, -alpha.cpu(), torch.ones_like(rest)]
        )
        each = self._sites.unmerge(self._data.z, whole.detach().numpy(), alpha.cpu().numpy(), precision)
        return Evaluated(float(explained + rest.detach()), np.asarray(gradient.numpy()), held_out(*each))

    def _merged(self, whole: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """As `Sites.merge` and `Sites.scatter`: means and variances of the sites, (m,), and log density."""
        if self._sites.distinct:
            return self._z, whole, whole.new_zeros(())
        zeros = whole.new_zeros(len(self._rows))
        diagonal = 1.0 / zeros.index_add(0, self._of, 1.0 / whole)
        z = zeros.index_add(0, self._of, self._z / whole) * diagonal
        error = self._z - z[self._of]
        logs = whole.log().sum() - diagonal.log().sum()
        surplus = len(self._z) - len(self._rows)
        return z, diagonal, -0.5 * ((error**2 / whole).sum() + logs + surplus * _LOG_2PI)


def _prior(prior: LogNormal) -> LogNormalPrior:
    """With its constants in float64: plain numbers would be rounded to float32."""
    return LogNormalPrior(*torch.tensor([prior.location, prior.scale], dtype=torch.float64))
