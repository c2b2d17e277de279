"""One new result, then one suggestion, with the hyperparameters current: milliseconds on one core.

    python -m benchmarks.latency [--quick]

Prints a Markdown table and, unless quick, writes benchmarks/results/latency.json. The peer, in the same
process on the same data, is BoTorch's SingleTaskGP with its own acquisition optimiser: once with the
hyperparameters handed to it (only the posterior and the search are timed), once with its refit, as a user
would call it.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from headway.wire.base import Params
from headway.wire.space import Float
from headway_server.domain.space import SearchSpace
from headway_server.engine import Optimizer
from headway_server.engine.kernel import Array

SIZES = (100, 300, 1000, 2000)
DIMENSIONS = (6, 20)
PEER_SIZES = (100, 300)
REPEATS = 20
PEER_REPEATS = 3
LIMITS_MS = {100: 6.0, 300: 12.0, 1000: 60.0, 2000: 250.0}
RESULTS = Path(__file__).parent / "results" / "latency.json"


@dataclass(frozen=True)
class Row:
    """One line of the table; times in milliseconds, fits in seconds."""

    who: str
    n: int
    d: int
    median_ms: float
    lower_ms: float
    upper_ms: float
    cpu_ms: float
    """Median of the processor time, which neighbours on the machine disturb less."""
    warm_fit_s: float | None
    repeats: int


def objective(x: Array) -> float:
    """A bowl with ripples: smooth, several optima, every coordinate matters a little."""
    weights = np.arange(1, len(x) + 1) / len(x)
    return float(weights @ (x - 0.3) ** 2 + 0.1 * np.cos(8 * x).sum())


def headway(n: int, d: int, strategy: str, repeats: int) -> Row:
    """Time tell plus ask, and one warm fit."""
    rng = np.random.default_rng(n + d)
    space = SearchSpace.checked([Float(0.0, 1.0, name=f"x{i}") for i in range(d)])
    optimizer = Optimizer(space, strategy=strategy, refit="external")
    points = rng.random((n + repeats, d))
    for x in points[:n]:
        optimizer.tell({f"x{i}": float(v) for i, v in enumerate(x)}, objective(x))
    optimizer.adopt(optimizer.fit_task().run(), 1)
    optimizer.ask(number=n)
    times = []
    for k, x in enumerate(points[n:]):
        params: Params = {f"x{i}": float(v) for i, v in enumerate(x)}
        value = objective(x)
        began = _clocks()
        optimizer.tell(params, value)
        optimizer.ask(number=n + 1 + k)
        times.append(_clocks() - began)
    return _row(f"headway {strategy}", n, d, times, optimizer.fit_task().run().fit_s)


def botorch_peer(n: int, d: int, acquisition: str, *, refit: bool, repeats: int) -> Row:
    """Time building SingleTaskGP, with or without its fit, and optimising its acquisition."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from botorch.acquisition.analytic import LogExpectedImprovement, UpperConfidenceBound
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.optim.optimize import optimize_acqf
        from gpytorch.mlls import ExactMarginalLogLikelihood

        torch.set_num_threads(1)
        rng = np.random.default_rng(n + d)
        points = rng.random((n + repeats, d))
        x = torch.as_tensor(points)
        y = torch.tensor([[-objective(p)] for p in points], dtype=torch.float64)
        bounds = torch.tensor([[0.0] * d, [1.0] * d], dtype=torch.float64)
        fitted = SingleTaskGP(x[:n], y[:n])
        fit_gpytorch_mll(ExactMarginalLogLikelihood(fitted.likelihood, fitted))
        state = {k: v for k, v in fitted.state_dict().items() if not k.startswith("outcome_transform")}
        times = []
        for k in range(repeats):
            began = _clocks()
            model = SingleTaskGP(x[: n + k + 1], y[: n + k + 1])
            model.load_state_dict(state, strict=False)
            if refit:
                fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            model.eval()
            chosen = (
                UpperConfidenceBound(model, beta=1.69)
                if acquisition == "ucb"
                else LogExpectedImprovement(model, best_f=y[: n + k + 1].max())
            )
            optimize_acqf(chosen, bounds=bounds, q=1, num_restarts=8, raw_samples=256)
            times.append(_clocks() - began)
    return _row(f"botorch {acquisition}, {'refit' if refit else 'no refit'}", n, d, times, None)


def _clocks() -> Array:
    """Wall and processor time, seconds: (2,)."""
    return np.array([time.perf_counter(), time.process_time()])


def _row(who: str, n: int, d: int, times: list[Array], warm_fit_s: float | None) -> Row:
    wall, cpu = 1e3 * np.array(times).T
    lower, median, upper = (float(q) for q in np.percentile(wall, [25, 50, 75]))
    return Row(who, n, d, median, lower, upper, float(np.median(cpu)), warm_fit_s, len(times))


def table(rows: list[Row]) -> str:
    """Markdown; the ratio is against headway rucb at the same n and d."""
    ours = {(row.n, row.d): row.median_ms for row in rows if row.who == "headway rucb"}
    lines = [
        "| | n | d | median ms (quartiles) | processor ms | limit ms | × headway rucb | warm fit s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        limit = f"{LIMITS_MS[row.n]:g}" if row.who == "headway rucb" else ""
        fit = "" if row.warm_fit_s is None else f"{row.warm_fit_s:.3f}"
        ratio = row.median_ms / ours[row.n, row.d]
        spread = f"{row.median_ms:.1f} ({row.lower_ms:.1f} to {row.upper_ms:.1f})"
        lines.append(
            f"| {row.who} | {row.n} | {row.d} | {spread} | {row.cpu_ms:.1f} | {limit} | {ratio:.1f} | {fit} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run all of it, or with --quick the small sizes without the peer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="n = 100 and 300 only, no peer")
    quick = parser.parse_args().quick
    sizes = SIZES[:2] if quick else SIZES
    rows = [headway(n, d, "rucb", REPEATS) for n in sizes for d in DIMENSIONS]
    if not quick:
        rows += [headway(300, 6, strategy, REPEATS) for strategy in ("ucb", "thompson", "logei")]
        rows += [
            botorch_peer(n, d, acquisition, refit=refit, repeats=PEER_REPEATS)
            for n in PEER_SIZES
            for d in DIMENSIONS
            for acquisition in ("ucb", "logei")
            for refit in (False, True)
        ]
    print(table(rows))
    if quick:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    machine = {"processor": _processor(), "python": platform.python_version(), "threads": 1}
    RESULTS.write_text(
        json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
