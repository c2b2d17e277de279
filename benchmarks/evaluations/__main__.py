"""One evaluation of each workload beside a straightforward implementation, on one core.

    python -m benchmarks.evaluations [--only matrix_completion] [--repeats 5] [--write]

Medians of so many repeats, taken in turn, after one of each whose results are compared. Prints Markdown;
with --write, puts it into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from statistics import quantiles

from benchmarks.document import insert
from benchmarks.evaluations.case import Case

ROOMS: tuple[str, ...] = (
    "async_bo",
    "matrix_completion",
    "molecular_fitness",
    "relu_jumps",
    "rewarded_soups",
    "signature_audit",
    "soup_preference",
    "team_influence",
)
"""Modules of this folder, each with `cases()`."""


def rows(case: Case, repeats: int) -> str:
    """A line of the table."""
    apart = case.agree(case.ours(), case.plain())
    ours, plain = [], []
    for _ in range(repeats):
        ours.append(_seconds(case.ours))
        plain.append(_seconds(case.plain))
    ratio = quantiles(plain)[1] / quantiles(ours)[1]
    return f"| {case.name} | {_spread(ours)} | {_spread(plain)} | {ratio:.1f} | {apart:.0e} |"


def table(names: tuple[str, ...], repeats: int) -> Iterator[str]:
    """Line by line."""
    yield "| evaluation | headway, ms (quartiles) | straightforward, ms (quartiles) | ratio | apart |"
    yield "|---|---|---|---|---|"
    for name in names:
        cases: Callable[[], Iterator[Case]] = import_module(f"benchmarks.evaluations.{name}").cases
        for case in cases():
            yield rows(case, repeats)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _spread(seconds: list[float]) -> str:
    low, middle, high = (1e3 * quantile for quantile in quantiles(seconds))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def main() -> None:
    """Entry."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    arguments.add_argument("--only", nargs="+", choices=ROOMS, default=ROOMS)
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--write", action="store_true")
    chosen = arguments.parse_args()
    lines = []
    for line in table(tuple(chosen.only), chosen.repeats):
        print(line, flush=True)
        lines.append(line)
    if chosen.write:
        insert("evaluations", "\n".join(lines))


if __name__ == "__main__":
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # before a case imports numpy
    main()
