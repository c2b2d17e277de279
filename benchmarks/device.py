"""The engine in NumPy beside the same engine on a torch device.

    python -m benchmarks.device [--device cuda|cpu] [--sizes 2000 5000 10000] [--fits 2000 10000]

Without a CUDA device torch's own CPU stands in, which tests the way there and says nothing of a GPU's speed.
Per size, six dimensions: one new result and one suggestion with current hyperparameters (median), building
the posterior, and how far the two posteriors' means and standard deviations are apart at 100 points. Then
fits from a cold start. Prints Markdown; with --write, puts it into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from benchmarks.document import insert
from benchmarks.latency.workload import objective, points
from headway.wire.base import Params
from headway.wire.space import Float
from headway_server.domain.space import SearchSpace
from headway_server.engine import FitTask, Fitted, Optimizer, optimizer
from headway_server.engine.placement import Placement
from headway_workers.async_bo.functions import Array

D = 6
FITTED_ON = 300
"""The hyperparameters in use come from so many results: how long a suggestion takes does not depend on how
well they fit."""


@dataclass(frozen=True)
class Row:
    """One engine at one size; seconds."""

    build_s: float
    suggest_s: float
    mean: Array
    sd: Array
    """(100,) each, of the objective."""


def task(n: int, device: str | None) -> FitTask:
    """A cold fit to the first n results."""
    data = points(n, D)
    utilities = np.array([-objective(x) for x in data])
    return FitTask(data, utilities, np.zeros(n), np.arange(D), np.zeros(D, dtype=bool), device=device)


def measure(n: int, device: str | None, fitted: Fitted, repeats: int) -> Row:
    """Suggestions at n results, on a torch device or in NumPy (None)."""
    space = SearchSpace.checked([Float(0.0, 1.0, name=f"x{i}") for i in range(D)])
    with patch.object(optimizer, "placement", lambda _: Placement(device)):
        engine = Optimizer(space, refit="external")
    data = points(n + repeats, D)
    for x in data[:n]:
        engine.tell(_params(x), objective(x))
    engine.adopt(fitted.model_copy(update={"n_observed": n}), 1)
    began = time.perf_counter()
    believed = engine.predict([_params(x) for x in np.random.default_rng(0).random((100, D))])
    build = time.perf_counter() - began
    engine.ask(number=n)  # what is done once only
    seconds = []
    for k, x in enumerate(data[n:]):
        began = time.perf_counter()
        engine.tell(_params(x), objective(x))
        engine.ask(number=n + k + 1)
        seconds.append(time.perf_counter() - began)
    return Row(
        build,
        float(np.median(seconds)),
        np.array([one.mean for one in believed]),
        np.array([one.sd for one in believed]),
    )


def table(sizes: list[int], device: str, repeats: int) -> str:
    """Both engines at every size."""
    fitted = task(FITTED_ON, None).run()
    measure(FITTED_ON, device, fitted, 2)  # what a device is slow at once: its context, its kernels
    lines = [
        f"| n | suggest, NumPy, ms | suggest, {device}, ms | build, NumPy, s | build, {device}, s | apart |",
        "|---|---|---|---|---|---|",
    ]
    for n in sizes:
        host, there = measure(n, None, fitted, repeats), measure(n, device, fitted, repeats)
        apart = max(np.abs(host.mean - there.mean).max(), np.abs(host.sd - there.sd).max())
        suggest = f"{1e3 * host.suggest_s:.1f} | {1e3 * there.suggest_s:.1f}"
        lines.append(f"| {n} | {suggest} | {host.build_s:.2f} | {there.build_s:.2f} | {apart:.0e} |")
    return "\n".join(lines)


def fits(sizes: list[int], device: str) -> str:
    """One fit of each at every size."""
    lines = ["| n | fit | s | to results | evaluations | log density |", "|---|---|---|---|---|---|"]
    for n in sizes:
        for name, one in (("NumPy", task(n, None)), (device, task(n, device))):
            found = one.run()
            lines.append(
                f"| {n} | {name} | {found.fit_s:.2f} | {found.n_fitted} | {found.evaluations} "
                f"| {found.log_density:.3f} |"
            )
    return "\n".join(lines)


def _params(x: Array) -> Params:
    return {f"x{i}": value for i, value in enumerate(x.tolist())}


def main() -> None:
    """Entry."""
    import torch

    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    arguments.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments.add_argument("--sizes", type=int, nargs="+", default=[300, 1000, 2000, 5000, 10_000])
    arguments.add_argument("--fits", type=int, nargs="+", default=[300, 1000, 2000, 10_000])
    arguments.add_argument("--repeats", type=int, default=10)
    arguments.add_argument("--write", action="store_true")
    chosen = arguments.parse_args()
    name = torch.cuda.get_device_name() if chosen.device == "cuda" else "torch's CPU"
    threads = os.environ.get("OMP_NUM_THREADS", f"{os.cpu_count()} (not limited)")
    head = f"torch {torch.__version__} on {name}; threads on the host: {threads}."
    text = "\n\n".join(
        (head, table(chosen.sizes, chosen.device, chosen.repeats), fits(chosen.fits, chosen.device))
    )
    print(text)
    if chosen.write:
        insert("device", text)


if __name__ == "__main__":
    main()
