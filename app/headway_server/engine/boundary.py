"""Where BoTorch takes over: Monte Carlo acquisition functions over the project's own posteriors.

The models are BoTorch's `SingleTaskGP` with the hyperparameters, transformed values and noise of the exact
posterior that they stand for; their acquisition functions become surfaces that the project's own search
maximises. Importing this module imports torch: only a study that needs it does so, at its first suggestion
from the model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from headway_server.engine.gp.gpytorch_kernel import covariance
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.search.surfaces import Surface

with warnings.catch_warnings():
    # The libraries use torch.jit.script, which torch has deprecated, while they are imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import botorch
    import gpytorch
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.acquisition.multi_objective import logei
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
    from botorch.acquisition.multi_objective.utils import get_default_partitioning_alpha
    from botorch.acquisition.objective import GenericMCObjective
    from botorch.exceptions.warnings import BotorchWarning
    from botorch.models import SingleTaskGP
    from botorch.models.model_list_gp_regression import ModelListGP
    from botorch.sampling.normal import SobolQMCNormalSampler
    from linear_operator.utils.warnings import NumericalWarning

# BoTorch would compile a kernel of its own for this machine's processor the first time that it is asked for
# several objectives: 45 s, during which nobody gets a suggestion, and other bits than on a machine without a
# compiler. Its Python path computes the same.
logei._load_attempted = True  # noqa: SLF001

SAMPLES = 64
"""Quasi-random draws from the joint posterior, a power of two."""
AT_ONCE = 128
"""Points whose acquisition is computed together: bounds the memory of the joint draws."""


@dataclass(frozen=True)
class Bounded:
    """A metric's posterior, and the interval of transformed utilities in which it must lie."""

    posterior: Posterior
    low: float = -np.inf
    high: float = np.inf


def noisy_log_ei(metrics: Sequence[Bounded], baseline: Array, pending: Array, seed: int) -> Surface:
    """QLogNEI of the first metric over the best of `baseline` (n, d), jointly with `pending` (p, d) points in
    flight, where all bounds are kept.

    Letham et al. 2019, "Constrained Bayesian optimization with noisy experiments"; Ament et al. 2023. Equal
    arguments give equal bits.
    """
    with _seeded(seed):
        return _TorchSurface(
            qLogNoisyExpectedImprovement(
                model=_model(metrics),
                X_baseline=torch.tensor(baseline),
                sampler=_sampler(seed),
                objective=GenericMCObjective(_first),
                constraints=_constraints(metrics),
                X_pending=_pending(pending),
                prune_baseline=True,
            )
        )


def noisy_log_ehvi(
    metrics: Sequence[Bounded], n_objectives: int, baseline: Array, pending: Array, seed: int
) -> Surface:
    """QLogNEHVI of the first metrics, jointly with `pending` (p, d) points in flight, where all bounds are
    kept.

    Daulton et al. 2021, "Parallel Bayesian optimization of multiple noisy objectives with expected
    hypervolume improvement"; Ament et al. 2023. Volumes are of transformed utilities, above the worst
    posterior mean at an observed point of each objective: a point that depends on the front alone leaves
    nothing to gain beside a front of one point. Equal arguments give equal bits.
    """
    worst = [float(one.posterior.means_at_data().min()) for one in metrics[:n_objectives]]
    with _seeded(seed):
        return _TorchSurface(
            qLogNoisyExpectedHypervolumeImprovement(
                model=_model(metrics),
                ref_point=worst,
                X_baseline=torch.tensor(baseline),
                sampler=_sampler(seed),
                objective=IdentityMCMultiOutputObjective(outcomes=list(range(n_objectives))),
                constraints=_constraints(metrics),
                X_pending=_pending(pending),
                prune_baseline=True,
                alpha=get_default_partitioning_alpha(n_objectives) if n_objectives > 4 else 0.0,
            )
        )


def gaussian_process(posterior: Posterior) -> SingleTaskGP:
    """The same model in BoTorch, in evaluation mode: equal means and variances of the latent function."""
    kernel = covariance(posterior.kernel, posterior.outputscale, torch.device("cpu"))
    with botorch.settings.validate_input_scaling(False), _exact_noise():
        model = SingleTaskGP(
            torch.tensor(posterior.rows),
            torch.tensor(posterior.site_z).unsqueeze(-1),
            train_Yvar=torch.tensor(posterior.diagonal).unsqueeze(-1),
            covar_module=kernel,
            mean_module=gpytorch.means.ConstantMean(),
            outcome_transform=None,
        ).double()
    model.mean_module.constant = torch.tensor(posterior.mean, dtype=torch.float64)
    model.requires_grad_(requires_grad=False)
    return model.eval()


class _TorchSurface(Surface):
    """A BoTorch acquisition function of one new point, by autograd; those used here are logarithms."""

    logarithmic = True

    def __init__(self, acquisition: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._acquisition = acquisition

    def values(self, rows: Array) -> Array:
        with torch.no_grad(), _exact_noise():
            parts = torch.split(torch.tensor(rows), AT_ONCE)
            found = [self._acquisition(part.unsqueeze(1)) for part in parts]
            return np.asarray(torch.cat(found).numpy())

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        x = torch.tensor(rows, requires_grad=True)
        with _exact_noise():
            value = self._acquisition(x.unsqueeze(1))
            (gradient,) = torch.autograd.grad(value.sum(), x)
        return value.detach().numpy(), gradient.numpy()


def _model(metrics: Sequence[Bounded]) -> SingleTaskGP | ModelListGP:
    models = [gaussian_process(metric.posterior) for metric in metrics]
    return models[0] if len(models) == 1 else ModelListGP(*models)


def _constraints(metrics: Sequence[Bounded]) -> list[Callable[[torch.Tensor], torch.Tensor]] | None:
    """Functions of samples (…, m), negative where a bound is kept."""
    found: list[Callable[[torch.Tensor], torch.Tensor]] = []
    for i, metric in enumerate(metrics):
        if metric.high < np.inf:
            found.append(_excess(i, metric.high, 1.0))
        if metric.low > -np.inf:
            found.append(_excess(i, metric.low, -1.0))
    return found or None


def _excess(metric: int, bound: float, sign: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda samples: sign * (samples[..., metric] - bound)


def _first(samples: torch.Tensor, X: torch.Tensor | None = None) -> torch.Tensor:
    del X
    return samples[..., 0]


def _pending(rows: Array) -> torch.Tensor | None:
    return torch.tensor(np.unique(rows, axis=0)) if len(rows) else None


def _sampler(seed: int) -> Any:
    return SobolQMCNormalSampler(sample_shape=torch.Size([SAMPLES]), seed=seed)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """BoTorch prunes the baseline by draws from torch's global generator, which is put back afterwards."""
    with torch.random.fork_rng(devices=[]), _exact_noise():
        torch.manual_seed(seed)
        yield


@contextmanager
def _exact_noise() -> Iterator[None]:
    """Noise variances down to this project's smallest are taken as they are.

    The jitter that near-equal points then need is no news, nor that in some draws no point is feasible.
    """
    with gpytorch.settings.min_fixed_noise(double_value=1e-9), warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericalWarning)
        warnings.simplefilter("ignore", BotorchWarning)
        yield
