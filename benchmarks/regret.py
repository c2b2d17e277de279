"""Simple regret of headway and its peers on a simulated asynchronous clock.

    python -m benchmarks.regret [--jobs 2] [--seeds 20] [--systems …] [--problems …] [--report]

Runs what has not been run for the present versions, keeping each run as it finishes (a stopped comparison
goes on where it was), then writes every curve to benchmarks/results/regret.parquet, the statistics to
benchmarks/results/regret.json, the picture to docs/images/regret.png and the tables to docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import curves
from benchmarks.campaign import outstanding, run_all
from benchmarks.document import insert
from benchmarks.picture import draw
from benchmarks.problems import MIXED, REPORTED
from benchmarks.statistics import FLOOR, Rank, mean_ranks, summaries
from benchmarks.systems import PEERS, ROOT, python
from benchmarks.tables import rank_table, regret_table
from benchmarks.units import BUDGET, Log, Run, Unit
from headway_server.engine import STRATEGIES, Optimizer

RESULTS = ROOT / "benchmarks" / "results"
LOG = ROOT / "benchmarks" / ".runs" / "regret.jsonl"
PICTURE = ROOT / "docs" / "images" / "regret.png"
DEFAULT = f"headway/{inspect.signature(Optimizer).parameters['strategy'].default}"
MAIN = (8, "exponential")
CONFIGURATIONS = (
    MAIN,
    (1, "exponential"),
    (4, "exponential"),
    (16, "exponential"),
    (8, "half-normal"),
    (8, "pareto"),
)
"""Workers and the law of their times."""
EVERYWHERE = (DEFAULT, "optuna-tpe", "random")
"""These run in every configuration, the others in the main one."""
SEEDS = 20
FEWER_SEEDS = {"optuna-gp": 5, "botorch-qlognei": 2, "ax": 2, "headway/qlognei": 2}
"""Half a minute to minutes a run."""
FEWER_SEEDS_MIXED = {"optuna-gp": 2, "botorch-qlognei": 1, "ax": 1}
"""Minutes a run where the space is mixed."""


def systems() -> list[str]:
    """headway's strategies, default first, then the peers and the floor."""
    ours = [f"headway/{name}" for name in STRATEGIES if name != "random"]
    ours.sort(key=lambda name: name != DEFAULT)
    return [*ours, *PEERS, "random"]


def plan(names: Sequence[str], problems: Sequence[str], seeds: int) -> list[Unit]:
    """The main configuration first, and there what runs everywhere first; within each, every problem's
    first seed before any second one, so that a comparison stopped early is an even one.
    """
    common = [name for name in names if name in EVERYWHERE]
    rest = [name for name in names if name not in EVERYWHERE]
    stages = [(MAIN, common), (MAIN, rest)]
    stages += [(configuration, common) for configuration in CONFIGURATIONS if configuration != MAIN]
    return [
        Unit(system, problem, workers, law, seed)
        for (workers, law), some in stages
        for seed in range(seeds)
        for system in some
        for problem in problems
        if seed < seeds_of(system, problem)
    ]


def seeds_of(system: str, problem: str) -> float:
    """How many seeds a system runs at most."""
    limit = FEWER_SEEDS.get(system, math.inf)
    return min(limit, FEWER_SEEDS_MIXED.get(system, limit)) if problem in MIXED else limit


def contests(runs: Sequence[Run]) -> dict[str, list[Rank]]:
    """Mean ranks among several fields of systems, by title; fields of fewer than two are left out.

    The default against the peers: on all problems, those systems that have run all of them; and, where a
    slow peer has not, on the problems that every system has run. Then headway's strategies among themselves.
    """
    held = {(run.unit.system, run.unit.problem) for run in runs}
    problems = {problem for _, problem in held}

    def entered(names: Sequence[str], of: set[str]) -> list[str]:
        return [name for name in names if all((name, problem) in held for problem in of)]

    rivals = [DEFAULT, *PEERS, "random"]
    present = [name for name in rivals if any((name, problem) in held for problem in problems)]
    common = {problem for problem in problems if all((name, problem) in held for name in present)}
    strategies = [name for name in systems() if name.startswith("headway/")]
    fields = {
        "The default against the peers": entered(rivals, problems),
        "The same with every peer, on the problems that all have run": present if common else [],
        "headway's strategies": entered(strategies, problems),
    }
    if fields["The default against the peers"] == present:
        del fields["The same with every peer, on the problems that all have run"]
    return {title: mean_ranks(runs, names) for title, names in fields.items() if len(names) > 1}


def report(runs: list[Run]) -> None:
    """Write the files and print the tables."""
    curves.write(RESULTS / "regret.parquet", runs)
    texts, ranks = [], []
    for workers, law in CONFIGURATIONS:
        here = [run for run in runs if (run.unit.workers, run.unit.law) == (workers, law)]
        if not here:
            continue
        texts.append(f"### {workers} workers, {law} times")
        for title, contest in contests(here).items():
            texts.append(rank_table(title, contest))
            known = {"workers": workers, "law": law, "contest": title}
            ranks += [known | asdict(entry) for entry in contest]
        if (workers, law) == MAIN:
            texts.append(regret_table(summaries(here), systems(), REPORTED))
    document = {
        "budget": BUDGET,
        "floor": FLOOR,
        "default": DEFAULT,
        "ranks": ranks,
        "summaries": [asdict(row) for row in summaries(runs)],
    }
    (RESULTS / "regret.json").write_text(json.dumps(document, indent=1) + "\n")
    text = "\n\n".join(texts)
    print(text)
    insert("regret", text)
    main_runs = [run for run in runs if (run.unit.workers, run.unit.law) == MAIN]
    if main_runs:
        draw(main_runs, [DEFAULT, *PEERS, "random"], REPORTED, PICTURE)


def main() -> None:
    """Run what is outstanding, then report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time, one core each")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--systems", nargs="+", default=systems(), metavar="SYSTEM")
    parser.add_argument("--problems", nargs="+", default=list(REPORTED), metavar="PROBLEM")
    parser.add_argument("--main", action="store_true", help="8 workers and exponential times only")
    parser.add_argument("--log", type=Path, nargs="+", default=[LOG], help="the first is written")
    parser.add_argument("--report", action="store_true", help="run nothing")
    options = parser.parse_args()
    logs = [Log(path) for path in options.log]

    def kept() -> list[Run]:
        told = [run for log in reversed(logs) for run in log.read()]
        return curves.newest([*curves.read(RESULTS / "regret.parquet"), *told])

    failures = []
    if not options.report:
        units = plan(options.systems, options.problems, options.seeds)
        units = [unit for unit in units if not options.main or (unit.workers, unit.law) == MAIN]
        absent = sorted({name for name in PEERS if not python(PEERS[name]).exists()})
        if absent:
            print(f"Left out, having no environment (make bench-environments): {', '.join(absent)}")
        units = [unit for unit in units if unit.system not in absent]
        failures = run_all(outstanding(units, kept()), logs[0], options.jobs)
    report([run for run in kept() if run.unit.problem in REPORTED])
    for unit, reason in failures:
        print(f"FAILED {unit}: {reason}")
    if failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
