"""The reference model: BoTorch's SingleTaskGP with this project's kernel and priors, in float64."""

import math

import torch
from botorch.models import SingleTaskGP
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.priors import LogNormalPrior

from headway_server.engine.hyperparameters import NOISE_BOUNDS


def log_normal(location, scale):
    """The prior with its constants in float64 (plain numbers would be rounded to float32)."""
    return LogNormalPrior(*torch.tensor([location, scale], dtype=torch.float64))


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
