"""The peers, each as its users call it: one new result, then one suggestion, refitting as it is wont to.

Each adapter imports its own library, and is run in that library's environment. The first suggestion is not
timed, so that a peer that starts its fits from the last one may do so.
"""

from __future__ import annotations

import logging
import time
import warnings
from importlib.metadata import version

import numpy as np

from benchmarks.latency.workload import Row, Timings, objective, points, timed


def measure(system: str, n: int, d: int, repeats: int) -> Row:
    """Seconds per result and suggestion of the named peer.

    Raises:
        KeyError: where there is none of that name.
    """
    warnings.simplefilter("ignore")
    measures = {
        "optuna-tpe": _optuna,
        "optuna-gp": _optuna,
        "botorch-logei": _botorch,
        "botorch-ucb": _botorch,
        "ax": _ax,
    }
    return measures[system](system, n, d, repeats)


def _versions(*packages: str) -> dict[str, str]:
    return {package: version(package) for package in packages}


def _optuna(system: str, n: int, d: int, repeats: int) -> Row:
    import optuna
    from optuna.samplers._gp import sampler as inside

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    gaussian = system == "optuna-gp"
    sampler = optuna.samplers.GPSampler(seed=0) if gaussian else optuna.samplers.TPESampler(seed=0)
    study = optuna.create_study(direction="minimize", sampler=sampler)
    box = {f"x{i}": optuna.distributions.FloatDistribution(0.0, 1.0) for i in range(d)}
    data = points(n + repeats + 1, d)

    def add(x: list[float]) -> None:
        params = dict(zip(box, x, strict=True))
        value = objective(np.array(x))
        study.add_trial(optuna.create_trial(params=params, distributions=box, value=value))

    def suggest() -> None:
        # What was asked for is closed at once, so that no trial stays in flight.
        study.tell(study.ask(box), state=optuna.trial.TrialState.FAIL)

    for x in data[:n].tolist():
        add(x)
    suggest()
    timings = Timings()
    with (
        timed(inside.gp, "fit_kernel_params", timings.fit),
        timed(inside.optim_mixed, "optimize_acqf_mixed", timings.acquisition),
    ):
        for x in data[n : n + repeats].tolist():
            with timings.repeat():
                add(x)
                suggest()
    packages = ("optuna", "torch", "scipy", "numpy") if gaussian else ("optuna", "numpy")
    return timings.row(system, exact_gp=gaussian, n=n, d=d, versions=_versions(*packages))


def _botorch(system: str, n: int, d: int, repeats: int) -> Row:
    import torch
    from botorch.acquisition.analytic import LogExpectedImprovement, UpperConfidenceBound
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.optim.optimize import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.as_tensor(points(n + repeats + 1, d))
    y = torch.tensor([[-objective(row)] for row in x.numpy()], dtype=torch.float64)
    bounds = torch.tensor([[0.0] * d, [1.0] * d], dtype=torch.float64)
    timings = Timings()

    def suggest(count: int) -> None:
        model = SingleTaskGP(x[:count], y[:count])
        likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
        began = time.perf_counter()
        fit_gpytorch_mll(likelihood)
        timings.fit.append(time.perf_counter() - began)
        acquisition = (
            UpperConfidenceBound(model, beta=1.69)
            if system == "botorch-ucb"
            else LogExpectedImprovement(model, best_f=y[:count].max())
        )
        began = time.perf_counter()
        optimize_acqf(acquisition, bounds=bounds, q=1, num_restarts=10, raw_samples=512)
        timings.acquisition.append(time.perf_counter() - began)

    suggest(n)
    timings.clear()
    for k in range(1, repeats + 1):
        with timings.repeat():
            suggest(n + k)
    versions = _versions("botorch", "gpytorch", "torch", "numpy")
    return timings.row(system, exact_gp=True, n=n, d=d, versions=versions)


def _ax(system: str, n: int, d: int, repeats: int) -> Row:
    from ax.api.client import Client
    from ax.api.configs import RangeParameterConfig
    from ax.generators.torch.botorch_modular import acquisition, surrogate

    logging.getLogger("ax").setLevel(logging.ERROR)
    client = Client(random_seed=0)
    names = [f"x{i}" for i in range(d)]
    client.configure_experiment(
        parameters=[RangeParameterConfig(name, bounds=(0.0, 1.0), parameter_type="float") for name in names]
    )
    client.configure_optimization(objective="-loss")
    data = points(n + repeats + 1, d)

    def add(x: list[float]) -> None:
        trial = client.attach_trial(parameters=dict(zip(names, x, strict=True)))
        client.complete_trial(trial, raw_data={"loss": objective(np.array(x))})

    def suggest() -> None:
        for trial in client.get_next_trials(max_trials=1):
            client.mark_trial_abandoned(trial)

    for x in data[:n].tolist():
        add(x)
    suggest()
    timings = Timings()
    with (
        timed(surrogate, "fit_botorch_model", timings.fit),
        timed(acquisition, "optimize_acqf", timings.acquisition),
    ):
        for x in data[n : n + repeats].tolist():
            with timings.repeat():
                add(x)
                suggest()
    versions = _versions("ax-platform", "botorch", "gpytorch", "torch", "numpy")
    return timings.row(system, exact_gp=True, n=n, d=d, versions=versions)
