"""Compare variants of headway's engine on problems that are never reported.

    python -m benchmarks.tune --variants rucb hallucinated-rucb rucb:shift=0.2,rate=0.5 rucb:n_initial=2d+2

The first variant is what the others are compared with. A variant is written as in
`benchmarks/systems/headway.py`. Peers and `random` may be named too. Prints mean ranks within each problem
and seed, and the difference of the area under log10 regret, with 95 % intervals by bootstrap over seeds;
--keep NAME also writes benchmarks/results/tuning/NAME.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.campaign import outstanding, run_all
from benchmarks.curves import newest
from benchmarks.problems import TUNING
from benchmarks.regret import MAIN
from benchmarks.statistics import Comparison, Summary, paired, summaries
from benchmarks.systems import PEERS, ROOT, version
from benchmarks.units import Log, Unit
from headway_workers.async_bo.simulator import LAWS

LOG = ROOT / "benchmarks" / ".runs" / "tune.jsonl"
KEPT = ROOT / "benchmarks" / "results" / "tuning"


def table(rows: Sequence[Comparison]) -> str:
    """Markdown, best area rank first."""
    lines = [
        "| variant | mean rank, final regret | mean rank, area | area less the first's |",
        "|---|---|---|---|",
    ]
    for row in rows:
        name = row.system.removeprefix("headway/")
        lines.append(f"| {name} | {row.final_rank} | {row.area_rank} | {row.area_difference} |")
    return "\n".join(lines)


def medians(rows: Sequence[Summary], systems: Sequence[str], problems: Sequence[str]) -> str:
    """Markdown: median simple regret after the last evaluation, one line a problem."""
    by = {(row.problem, row.system): row for row in rows}
    heads = [system.removeprefix("headway/") for system in systems]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for problem in problems:
        cells = [by.get((problem, system)) for system in systems]
        texts = ["" if cell is None else f"{cell.median:.3g}" for cell in cells]
        lines.append(f"| {problem} | {' | '.join(texts)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is outstanding and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", nargs="+", required=True, metavar="VARIANT")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=MAIN[0])
    parser.add_argument("--law", choices=LAWS, default=MAIN[1])
    parser.add_argument("--problems", nargs="+", choices=TUNING, default=list(TUNING), metavar="PROBLEM")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time, one core each")
    parser.add_argument("--log", type=Path, default=LOG)
    parser.add_argument("--keep", metavar="NAME")
    options = parser.parse_args()
    named = [*PEERS, "random"]
    systems = [name if name in named else f"headway/{name}" for name in options.variants]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    units = [
        Unit(system, problem, options.workers, options.law, seed)
        for seed in seeds
        for problem in options.problems
        for system in systems
    ]
    log = Log(options.log)
    failures = run_all(outstanding(units, log.read()), log, options.jobs)
    wanted = set(units)
    runs = [
        run for run in newest(log.read()) if run.unit in wanted and run.version == version(run.unit.system)
    ]
    rows, details = paired(runs, systems), summaries(runs)
    print(f"\n{rows[0].blocks} pairs of problem and seed, {options.workers} workers, {options.law} times\n")
    print(table(rows), "\n")
    print(medians(details, systems, options.problems))
    if options.keep:
        KEPT.mkdir(parents=True, exist_ok=True)
        document = {
            "workers": options.workers,
            "law": options.law,
            "versions": sorted({run.version for run in runs}),
            "comparisons": [asdict(row) for row in rows],
            "summaries": [asdict(row) for row in details],
        }
        (KEPT / f"{options.keep}.json").write_text(json.dumps(document, indent=1) + "\n")
    for unit, reason in failures:
        print(f"FAILED {unit}: {reason}")
    if failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
