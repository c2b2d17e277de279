"""One new result, then one suggestion: headway beside its peers in one run, on one core.

    python -m benchmarks.latency [--quick] [--systems …] [--sizes …]

Every row is measured in a process of its own. headway's hyperparameters are current, as the server keeps
them; its warm fit is timed beside the suggestions. The peers refit within each suggestion, as their users
call them. Prints Markdown and, unless something was left out, writes benchmarks/results/latency.json and
docs/benchmarks.md. A peer is measured up to the size where a suggestion takes many seconds (SIZES).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.document import insert
from benchmarks.latency.workload import Row
from benchmarks.systems import ROOT, Environment, python

DIMENSIONS = (6, 20)
ALL = (100, 300, 1000, 2000, 5000)
SIZES: dict[str, tuple[int, ...]] = {
    "headway/rucb": ALL,
    "headway/thompson": ALL,
    "headway/ucb": (100, 1000),
    "headway/logei": (100, 1000),
    "optuna-gp": (100, 300, 1000),
    "botorch-logei": (100, 300, 1000),
    "botorch-ucb": (100, 300, 1000),
    "ax": (100, 300, 1000),
    "optuna-tpe": ALL,
}
"""Left out, at minutes a row: exact-GP peers from 2000 on."""
ENVIRONMENTS: dict[str, Environment] = {
    "optuna-gp": "optuna",
    "optuna-tpe": "optuna",
    "botorch-logei": "botorch",
    "botorch-ucb": "botorch",
    "ax": "ax",
}
LIMITS_MS = {
    100: {6: 6.0, 20: 6.0},
    300: {6: 12.0, 20: 12.0},
    1000: {6: 60.0, 20: 60.0},
    2000: {6: 250.0, 20: 200.0},
    5000: {6: 1800.0, 20: 1200.0},
}
"""What headway promises; Thompson paths have twice as long."""
REPEATS = 20
PEER_REPEATS = {100: 10, 300: 5, 1000: 3}
RESULTS = ROOT / "benchmarks" / "results" / "latency.json"


def measure(system: str, n: int, d: int, repeats: int, *, fit: bool) -> Row:
    """A row from a fresh process in the system's own environment.

    Raises:
        CalledProcessError: where the measurement failed.
    """
    command = [str(python(ENVIRONMENTS.get(system, "headway"))), "-m", "benchmarks.latency.worker"]
    command += [system, str(n), str(d), str(repeats), *(["--fit"] if fit else [])]
    paths = [str(ROOT / folder) for folder in ("clients", "app", "workers")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    return Row(**json.loads(done.stdout))


def table(rows: Sequence[Row]) -> str:
    """Markdown, size by size; ratios are against headway/rucb at the same n and d."""
    ours = {(row.n, row.d): row.median_s for row in rows if row.system == "headway/rucb"}
    lines = [
        "| n | d | system | ms (quartiles) | × headway | limit ms | fit s | acquisition ms | peak MiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: (row.n, row.d)):
        low, median, high = (_ms(value) for value in (row.lower_s, row.median_s, row.upper_s))
        reference = ours.get((row.n, row.d))
        limit = LIMITS_MS.get(row.n, {}).get(row.d)
        factor = {"headway/rucb": 1, "headway/ucb": 1, "headway/logei": 1, "headway/thompson": 2}
        allowed = f"{limit * factor[row.system]:g}" if limit and row.system in factor else ""
        cells = [
            str(row.n),
            str(row.d),
            row.system,
            f"{median} ({low} to {high})",
            "" if reference is None else f"{row.median_s / reference:.1f}",
            allowed,
            "" if row.fit_s is None else f"{row.fit_s:.3f}",
            "" if row.acquisition_s is None else _ms(row.acquisition_s),
            f"{row.peak_mib:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def lead(rows: Sequence[Row]) -> str:
    """Markdown: how far headway is ahead of the fastest exact-GP peer, and of the tree sampler."""
    lines = ["| n | d | fastest exact-GP peer | × headway | Optuna TPE × headway |", "|---|---|---|---|---|"]
    for n, d in sorted({(row.n, row.d) for row in rows}):
        here = {row.system: row for row in rows if (row.n, row.d) == (n, d)}
        ours = here.get("headway/rucb")
        peers = [row for row in here.values() if row.exact_gp and row.system in ENVIRONMENTS]
        if ours is None or not peers:
            continue
        best = min(peers, key=lambda row: row.median_s)
        tree = here.get("optuna-tpe")
        ratio = "" if tree is None else f"{tree.median_s / ours.median_s:.1f}"
        lines.append(f"| {n} | {d} | {best.system} | {best.median_s / ours.median_s:.0f} | {ratio} |")
    return "\n".join(lines)


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.1f}" if seconds < 1 else f"{1e3 * seconds:.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="n = 100 and 300, three repeats, no fit")
    parser.add_argument("--systems", nargs="+", choices=SIZES, default=list(SIZES), metavar="SYSTEM")
    parser.add_argument("--sizes", nargs="+", type=int, choices=ALL, default=ALL, metavar="N")
    options = parser.parse_args()
    whole = not options.quick and options.systems == list(SIZES) and options.sizes == ALL
    rows, missing = [], []
    for system in options.systems:
        if not python(ENVIRONMENTS.get(system, "headway")).exists():
            missing.append(system)
            continue
        for n in SIZES[system]:
            if n not in options.sizes or (options.quick and n > 300):
                continue
            for d in DIMENSIONS:
                repeats = REPEATS if system.startswith("headway/") else PEER_REPEATS.get(n, REPEATS)
                fit = system == "headway/rucb" and not options.quick
                row = measure(system, n, d, 3 if options.quick else repeats, fit=fit)
                print(f"{system} n={n} d={d}: {1e3 * row.median_s:.1f} ms", flush=True)
                rows.append(row)
    text = f"{lead(rows)}\n\n{table(rows)}"
    print(f"\n{text}")
    if missing:
        print(f"\nLeft out, having no environment (make bench-environments): {', '.join(missing)}")
    elif whole:
        machine = {"processor": _processor(), "python": platform.python_version(), "threads": 1}
        document = {"machine": machine, "rows": [asdict(row) for row in rows]}
        RESULTS.write_text(json.dumps(document, indent=1) + "\n")
        insert("latency", text)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
