"""The experiments on the processor and on a torch device.

    python -m benchmarks.evaluations.devices [--device cuda] [--write]

Without a CUDA device torch's own CPU stands in, which tests the way there and says nothing of a GPU's speed.
Medians of three, after one of each whose results are compared. Prints Markdown; with --write, puts it into
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
import torch

from benchmarks.document import insert
from headway.wire.base import Params
from headway_workers import registry
from headway_workers.matrix_completion.descent import descend, spectral_start
from headway_workers.matrix_completion.observed import Observed
from headway_workers.matrix_completion.residuals import residuals
from headway_workers.matrix_completion.synthetic import Ensemble
from headway_workers.relu_jumps.jump import jump_process
from headway_workers.relu_jumps.problem import draw_patterns, draw_problem
from headway_workers.signature_audit.gene_sets import random_sets, weighted_scores
from headway_workers.signature_audit.simulator import FactorModel
from headway_workers.signature_audit.survival import Array, CoxScore, concordance

REPEATS = 3
PERCEPTRONS: Params = {
    "model": "mlp", "a": 0.25, "r": 0.09, "g": 0.35, "eta": 1.4, "kappa": 0.5, "u": 0.9, "perf_memory": 0.9,
    "width": 64, "depth": 2, "dropout": 0.2, "learning_rate": 1e-3, "weight_decay": 1e-5,
    "augmentation": True, "use_prev": True, "use_first": True, "use_mean": True, "use_perf": True,
    "use_timing": True, "use_text": False,
}  # fmt: skip
AUTOENCODER: Params = {
    "family": "vae", "reweight_theta": 0.8, "latent": 8, "width": 256, "learning_rate": 1e-3, "epochs": 40,
    "beta_kl": 1.0,
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """Something that is computed where it is told."""

    name: str
    on: Callable[[str], Array]


def works() -> Iterator[Work]:
    """Of every experiment that knows of devices."""
    for n, m, networks in ((64, 25, 256), (1024, 60, 1000), (16384, 200, 20)):
        yield Work(f"{networks} jump processes, n = {n}, m = {m}", partial(_jumps, n, m, networks))
    for ensemble, rank, steps in (
        (Ensemble(), 10, 75),
        (Ensemble(3000, 2000, 5, 0.03), 5, 20),
        (Ensemble(6000, 4000, 10, 0.2), 10, 20),
    ):
        observed = ensemble.draw(0).observed
        size = f"{observed.shape[0]} × {observed.shape[1]}, rank {rank}, {observed.p:.0%} seen"
        yield Work(f"VGD, {size}, {steps} steps", _Descent(observed, rank, steps))
    yield Work("C and z of 20,000 random sets of 12 genes, 300 × 15,000", _Nulls())
    for name, params in (("team-influence", PERCEPTRONS), ("molecular-fitness", AUTOENCODER)):
        yield Work(f"one evaluation of {name}", _Evaluated(name, params))


def _jumps(n: int, m: int, networks: int, device: str) -> Array:
    problem, patterns = draw_problem(n, seed=0), draw_patterns((0,), range(networks), m, n)
    found: Array = jump_process(patterns, problem, device).squared_norm.cpu().numpy()
    return found


class _Descent:
    """X Yᵀ after so many steps of vanilla gradient descent."""

    def __init__(self, observed: Observed, rank: int, steps: int) -> None:
        self._observed, self._steps = observed, steps
        self._start = spectral_start(observed, rank)

    def __call__(self, device: str) -> Array:
        *_, last = descend(residuals(self._observed, device), self._start, 0.5, self._steps)
        return np.asarray(torch.as_tensor(last.X @ last.Y.T).cpu())


class _Nulls:
    """C and z of random gene sets, (2, sets), in ten parts."""

    def __init__(self) -> None:
        self._cohort = FactorModel(genes=15_000).draw(300, structure=0, rng=np.random.default_rng(0))
        values = self._cohort.values
        self._genes = ((values - values.mean(axis=0)) / values.std(axis=0)).T.copy()
        self._sets = random_sets(15_000, 12, 20_000, np.random.default_rng(1))

    def __call__(self, device: str) -> Array:
        genes, survival = torch.as_tensor(self._genes).to(device), self._cohort.survival
        found = []
        for part in np.array_split(self._sets, 10):
            scores = weighted_scores(genes, torch.as_tensor(part).to(device))
            both = concordance(scores, survival), CoxScore(survival, device=device)(scores)
            found.append(torch.stack(both).cpu())
        return np.asarray(torch.cat(found, dim=1))


class _Evaluated:
    """The objectives of one evaluation."""

    def __init__(self, name: str, params: Params) -> None:
        self._objective, self._params = registry.objective(name), params

    def __call__(self, device: str) -> Array:
        return np.array(list(self._objective.evaluate(self._params, device=device).objectives.values()))


def row(work: Work, device: str) -> str:
    """A line of the table."""
    here, there = work.on("cpu"), work.on(device)
    apart = float(np.max(np.abs(here - there)) / np.max(np.abs(here)))
    seconds = [1e3 * median(_seconds(work, where) for _ in range(REPEATS)) for where in ("cpu", device)]
    return f"| {work.name} | {seconds[0]:.3g} | {seconds[1]:.3g} | {apart:.0e} |"


def _seconds(work: Work, device: str) -> float:
    began = time.perf_counter()
    work.on(device)  # ends with its result on the host
    return time.perf_counter() - began


def main() -> None:
    """Entry."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    arguments.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments.add_argument("--write", action="store_true")
    chosen = arguments.parse_args()
    name = torch.cuda.get_device_name() if chosen.device == "cuda" else "torch's CPU"
    lines = [f"torch {torch.__version__} on {name}.", ""]
    lines += ["| | processor, ms | device, ms | apart |", "|---|---|---|---|"]
    for work in works():
        lines.append(row(work, chosen.device))
        print(lines[-1], flush=True)
    if chosen.write:
        insert("devices", "\n".join(lines))


if __name__ == "__main__":
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    main()
