"""Runs as many simulations as one likes, in several processes, and keeps them in one Parquet file.

Of one law, all methods and intermediate updates, prints what they say by number of workers, as Markdown.

    python -m headway_workers.async_bo [--seeds 20] [--problems …] [--methods …] [--workers 2 4 8 16 32]

Stopped and started again, it goes on where it was: every run is kept in the log as it finishes. --report
runs nothing, and takes the seeds that are complete in the log.
"""

from __future__ import annotations

import argparse
import os
from itertools import product
from pathlib import Path

import click

from headway.wire.study import DEFAULT_STRATEGY
from headway_workers.async_bo.by_workers import COMPARED, complete, regret_table, trends
from headway_workers.async_bo.claims import BUDGET, statements
from headway_workers.async_bo.grid_figure import draw_grid
from headway_workers.async_bo.methods import METHODS
from headway_workers.async_bo.problems import NAMES, SYNTHETIC
from headway_workers.async_bo.records import LOG, Record, all_recorded, logged, write_parquet
from headway_workers.async_bo.setting import Setting
from headway_workers.async_bo.simulator import LAWS
from headway_workers.style import saved, sheet


def main() -> None:
    """Entry."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--problems", nargs="+", choices=NAMES, default=SYNTHETIC)
    parser.add_argument("--methods", nargs="+", choices=tuple(METHODS), default=(*COMPARED, DEFAULT_STRATEGY))
    parser.add_argument("--workers", nargs="+", type=int, default=(2, 4, 8, 16, 32))
    parser.add_argument("--laws", nargs="+", choices=tuple(LAWS), default=("exponential",))
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--known", action="store_true", help="the prior's own hyperparameters (gp… only)")
    parser.add_argument("--own", action="store_true", help="no intermediate updates")
    parser.add_argument("--synchronous", action="store_true", help="in batches")
    parser.add_argument("--spread", type=float, default=0.0, help="of the workers' log speeds")
    parser.add_argument("--failing", type=float, default=0.0, help="share of evaluations that are lost")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--log", type=Path, default=LOG)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--figure", type=Path, help="a PNG of what all methods did")
    parser.add_argument("--output", type=Path, default=Path("async-bo.parquet"))
    options = parser.parse_args()
    arms = product(range(options.seeds), options.problems, options.methods, options.workers, options.laws)
    settings = [
        Setting(
            problem,
            method,
            workers,
            seed,
            options.budget,
            law,
            "own" if options.own else "intermediate",
            known=options.known,
            spread=options.spread,
            failing=options.failing,
            synchronous=options.synchronous,
        )
        for seed, problem, method, workers, law in arms
    ]
    records = logged(settings, options.log) if options.report else _run(settings, options)
    if not records:
        parser.error(
            f"--report: {options.log} has none of these runs by this engine; leave it out to run them."
        )
    write_parquet(options.output, records)
    click.echo(options.output)
    if len(options.laws) == 1 and set(COMPARED) <= set(options.methods) and not options.own:
        seen, workers = complete(records), sorted(options.workers)
        click.echo(f"\n{regret_table(seen, workers)}")
        if len(workers) > 1:
            click.echo(f"\n{statements(trends(seen, workers))}")
        if options.figure:
            figure = sheet(10)
            draw_grid(figure, seen, workers)
            click.echo(saved(figure, options.figure))


def _run(settings: list[Setting], options: argparse.Namespace) -> list[Record]:
    records = []
    for done, record in all_recorded(settings, options.jobs, options.log):
        records.append(record)
        one = record.setting
        click.echo(f"{done}/{len(settings)} {one.problem} {one.method} q={one.workers} seed {one.seed}")
    return records


if __name__ == "__main__":
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # before a run imports numpy in its process
    main()
