"""Whether a large study's suggestions wait while hyperparameters are fitted and taken up.

    python -m benchmarks.adoption [--results 1000 2000] [--write]

Studies on `headway serve` with so many results brought to them; one worker asks and reports until the
server has fitted anew, beside the requests, and the suggestions come from the new fit. Prints how long
suggestions took, and the longest around the one that first used it; `--write` puts that into
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import httpx
import numpy as np

from benchmarks.document import insert
from benchmarks.http_latency import served

DIMENSION = 6
AROUND = 5
"""Suggestions before and after the first from the new fit."""
BATCH = 500
URL = "/v1/studies/adoption"


@dataclass(frozen=True)
class Asked:
    """One suggestion."""

    ms: float
    model_version: int


def bring(http: httpx.Client, n: int) -> None:
    """A study with n results at random points."""
    parameters = [{"name": f"x{k}", "type": "float", "low": 0, "high": 1} for k in range(DIMENSION)]
    definition = {"name": "adoption", "space": {"parameters": parameters}}
    http.post("/v1/studies", json=definition).raise_for_status()
    rows = np.random.default_rng(0).random((n, DIMENSION))
    for start in range(0, n, BATCH):
        some = [
            {"params": {f"x{k}": c for k, c in enumerate(x)}, "metrics": {"value": value(x)}}
            for x in rows[start : start + BATCH].tolist()
        ]
        http.post(f"{URL}/observations:batch", json={"rows": some}).raise_for_status()


def value(x: list[float]) -> float:
    """A bowl with ripples."""
    return sum((c - 0.3) ** 2 + 0.1 * float(np.cos(8 * c)) for c in x)


def ask_and_report(http: httpx.Client) -> Asked:
    """One suggestion and its result."""
    began = time.perf_counter()
    (trial,) = http.post(f"{URL}/trials:suggest", json={}).raise_for_status().json()["trials"]
    ms = 1e3 * (time.perf_counter() - began)
    body = {
        "lease_token": trial["lease"]["token"],
        "metrics": {"value": value(list(trial["params"].values()))},
    }
    http.post(f"{URL}/trials/{trial['number']}:finish", json=body).raise_for_status()
    return Asked(ms, trial["origin"]["model_version"] or 0)


def measured(n: int) -> tuple[list[Asked], int]:
    """Suggestions from the first fit's until `AROUND` after the second's first; the place of that one."""
    with served() as http:
        bring(http, n)
        first = ask_and_report(http)
        while first.model_version == 0:
            first = ask_and_report(http)
        asked = [ask_and_report(http)]  # the first one waited for the first fit
        while asked[-1].model_version == first.model_version:
            asked.append(ask_and_report(http))
        adopted = len(asked) - 1
        return asked + [ask_and_report(http) for _ in range(AROUND)], adopted


def main() -> None:
    """Run, print, and write where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--results",
        type=int,
        nargs="+",
        default=[1000, 2000],
        metavar="N",
        help="before the first suggestion",
    )
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    lines = [
        "| results | suggest, ms, p50 / p99 / longest | around the new fit's first, ms, longest |",
        "|---|---|---|",
    ]
    for n in options.results:
        asked, adopted = measured(n)
        ms = np.array([one.ms for one in asked])
        near = ms[max(adopted - AROUND, 0) : adopted + AROUND + 1]
        columns = (
            f"{n} to {n + len(asked)}",
            f"{np.median(ms):.0f} / {np.percentile(ms, 99):.0f} / {ms.max():.0f}",
            f"{near.max():.0f}",
        )
        lines.append(f"| {' | '.join(columns)} |")
        print(lines[-1], flush=True)
    if options.write:
        insert("adoption", "\n".join(lines))


if __name__ == "__main__":
    main()
