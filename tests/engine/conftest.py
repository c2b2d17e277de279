"""Random problems that several files of this room share."""

import warnings

import numpy as np
import pytest

from headway.wire.model import Hyperparameters

with warnings.catch_warnings():
    # The reference libraries use torch.jit.script, which torch has deprecated, while they are imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import botorch  # noqa: F401  (imported here so that the tests' own imports find it done)
    import torch


@pytest.fixture(scope="session", params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request):
    """Every torch device of this machine: its CPU stands in for a GPU where there is none."""
    return request.param


@pytest.fixture
def problem():
    """Make (hyperparameters, rows, z, variances) of a given size and seed."""

    def make(n, d, seed=0, *, noise=1e-3, heteroscedastic=False):
        rng = np.random.default_rng(seed)
        rows = rng.random((n, d))
        z = np.sin(3 * rows.sum(axis=1)) + 0.1 * rng.standard_normal(n)
        variances = rng.uniform(0, 0.1, n) if heteroscedastic else np.zeros(n)
        hyperparameters = Hyperparameters(
            lengthscales=tuple(rng.uniform(0.2, 1.5, d).tolist()),
            noise=noise,
            outputscale=float(rng.uniform(0.5, 2.0)),
            mean=float(rng.uniform(-0.5, 0.5)),
            transform="standardize",
        )
        return hyperparameters, rows, z, variances

    return make
