"""The engine's kernel as GPyTorch modules, on any device.

Importing this module imports torch: only what computes on a device, or goes through BoTorch, does so.
"""

from __future__ import annotations

import warnings

import numpy as np

from headway_server.engine.gp.kernel import Kernel

with warnings.catch_warnings():
    # GPyTorch uses torch.jit.script, which torch has deprecated, while it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import torch
    from gpytorch.kernels import Kernel as Module
    from gpytorch.kernels import MaternKernel, RBFKernel, ScaleKernel


def covariance(kernel: Kernel, outputscale: float, device: torch.device) -> Module:
    """Matérn-5/2 on the numbers, times e^{−‖u − u′‖²} on the scaled one-hot coordinates, times the scale.

    In float64; its parameters are constants.
    """
    parts = []
    if len(kernel.numeric):
        numbers = MaternKernel(
            nu=2.5, ard_num_dims=len(kernel.numeric), active_dims=tuple(kernel.numeric.tolist())
        ).double()
        numbers.lengthscale = torch.tensor(kernel.lengthscales[kernel.numeric])
        parts.append(numbers)
    if len(kernel.choices):
        choices = RBFKernel(
            ard_num_dims=len(kernel.choices), active_dims=tuple(kernel.choices.tolist())
        ).double()
        choices.lengthscale = torch.tensor(1.0 / (np.sqrt(2.0) * kernel.weights[kernel.choices]))
        parts.append(choices)
    product = ScaleKernel(parts[0] if len(parts) == 1 else parts[0] * parts[1]).double()
    product.outputscale = torch.tensor(outputscale, dtype=torch.float64)  # a float passes through float32
    return product.requires_grad_(requires_grad=False).to(device)
