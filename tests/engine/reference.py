"""The reference model: BoTorch's SingleTaskGP with this project's kernel and priors, in float64."""

import math

import numpy as np
import torch
from botorch.models import SingleTaskGP
from botorch.models.kernels import CategoricalKernel
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.priors import LogNormalPrior

from headway_server.engine.fits.hyperparameters import NOISE_BOUNDS


def log_normal(location, scale):
    """The prior with its constants in float64 (plain numbers would be rounded to float32)."""
    return LogNormalPrior(*torch.tensor([location, scale], dtype=torch.float64))


def mixed_gp(hyperparameters, rows, z, blocks):
    """As `single_task_gp`, with BoTorch's CategoricalKernel on the labels of the one-hot `blocks` (slices).

    Takes rows of the unit cube; the model itself sees `labelled` ones.
    """
    numeric = [j for j in range(rows.shape[1]) if j not in hyperparameters.categorical]
    base = MaternKernel(nu=2.5, ard_num_dims=len(numeric), active_dims=tuple(range(len(numeric))))
    ell = torch.tensor(hyperparameters.lengthscales, dtype=torch.float64)
    base.lengthscale = ell[numeric]
    product = base
    for i, block in enumerate(blocks):
        kernel = CategoricalKernel(active_dims=(len(numeric) + i,)).double()
        kernel.lengthscale = ell[block.start]
        product = product * kernel
    covariance = ScaleKernel(product).double()
    covariance.outputscale = hyperparameters.outputscale
    likelihood = GaussianLikelihood(noise_constraint=GreaterThan(1e-8, transform=None, initial_value=1e-2))
    model = SingleTaskGP(
        torch.as_tensor(labelled(rows, hyperparameters, blocks)),
        torch.as_tensor(z).unsqueeze(-1),
        likelihood=likelihood,
        covar_module=covariance,
        mean_module=ConstantMean(),
        outcome_transform=None,
    ).double()
    likelihood.noise = hyperparameters.noise
    model.mean_module.constant = hyperparameters.mean
    return model.eval()


def labelled(rows, hyperparameters, blocks):
    """Numeric coordinates, then one label per one-hot block."""
    numeric = [j for j in range(rows.shape[1]) if j not in hyperparameters.categorical]
    return np.column_stack([rows[:, numeric], *(rows[:, block].argmax(axis=1) for block in blocks)])


def single_task_gp(hyperparameters, rows, z):
    """Homoscedastic model with the given hyperparameters, in evaluation mode."""
    d = rows.shape[1]
    covariance = ScaleKernel(
        MaternKernel(
            nu=2.5,
            ard_num_dims=d,
            lengthscale_prior=log_normal(math.sqrt(2) + 0.5 * math.log(d), math.sqrt(3)),
        ),
        outputscale_prior=log_normal(0.0, 0.5),
    )
    likelihood = GaussianLikelihood(
        noise_prior=log_normal(-4.0, 1.0),
        noise_constraint=GreaterThan(NOISE_BOUNDS[0] / 2, transform=None, initial_value=1e-2),
    )
    model = SingleTaskGP(
        torch.as_tensor(rows),
        torch.as_tensor(z).unsqueeze(-1),
        likelihood=likelihood,
        covar_module=covariance,
        mean_module=ConstantMean(),
        outcome_transform=None,
    ).double()
    covariance.base_kernel.lengthscale = torch.tensor(hyperparameters.lengthscales, dtype=torch.float64)
    covariance.outputscale = hyperparameters.outputscale
    likelihood.noise = hyperparameters.noise
    model.mean_module.constant = hyperparameters.mean
    return model.eval()


def moments(model, rows):
    """Mean and standard deviation of the latent function, as arrays."""
    with torch.no_grad():
        found = model.posterior(torch.as_tensor(rows))
        return found.mean.squeeze(-1).numpy(), found.variance.squeeze(-1).sqrt().numpy()
