"""What runs with several numbers of workers say of each method: ranks and regret, number by number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from headway_workers.async_bo.claims import Evidence, below, interval
from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.methods import PURPOSE_BUILT, STANDARD
from headway_workers.async_bo.ranks import critical_difference, mean_ranks
from headway_workers.async_bo.records import Record
from headway_workers.contract import Claim

COMPARED = (*STANDARD, *PURPOSE_BUILT)
"""What the claims are about; other methods may have been run beside them."""
REGRET = "mean_log_regret"


def complete(records: Iterable[Record]) -> Evidence:
    """The runs of the seeds that have every run that any seed has: a grid that was stopped is cut there."""
    of_seed: dict[int, list[Record]] = {}
    for record in records:
        of_seed.setdefault(record.setting.seed, []).append(record)
    most = max(map(len, of_seed.values()))
    return Evidence(tuple(one for some in of_seed.values() if len(some) == most for one in some))


def regret_table(seen: Evidence, workers: Sequence[int]) -> str:
    """By method that was run and number of workers: the mean rank over problems and seeds, and the mean log10
    regret less that of the purpose-built methods, with its 95 % interval by a bootstrap over seeds.
    """
    methods = sorted({record.setting.method for record in seen.records})
    scores = {q: {method: seen.of(REGRET, method, q) for method in methods} for q in workers}
    ranks = {q: mean_ranks({method: one.ravel() for method, one in scores[q].items()}) for q in workers}
    rows, problems = scores[workers[0]][methods[0]].shape
    differ = critical_difference(len(methods), rows * problems)
    lines = [
        f"{problems} problems, {rows} seeds. Mean ranks that are {differ:.2f} apart differ (Nemenyi, 5 %).",
        "",
        f"| method | {' | '.join(f'q = {q}' for q in workers)} |",
        "|---|" + "---|" * len(workers),
    ]
    order = sorted(methods, key=lambda method: sum(ranks[q][method] for q in workers))
    for method in order:
        cells = []
        for q in workers:
            effect, low, high = interval(scores[q][method] - purpose_built(seen, q))
            cells.append(f"{ranks[q][method]:.1f}; {effect:+.2f} ({low:+.2f} to {high:+.2f})")
        lines.append(f"| `{method}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def trends(seen: Evidence, workers: Sequence[int]) -> list[Claim]:
    """That the standard methods gain on the purpose-built ones with the workers: the least-squares slope of
    the difference of mean log10 regret over log2 of their number is below zero.
    """
    doublings = np.log2(np.asarray(workers, dtype=float))
    doublings -= doublings.mean()
    weights = doublings / (doublings**2).sum()
    found = []
    for method in STANDARD:
        ahead = np.array([seen.of(REGRET, method, q) - purpose_built(seen, q) for q in workers])
        name = f"{method} gains on purpose-built methods with each doubling of q: mean log10 regret"
        found.append(below(name, np.tensordot(weights, ahead, axes=1), 0.0))
    return found


def purpose_built(seen: Evidence, workers: int) -> Array:
    """Mean of the purpose-built methods' mean log10 regrets: (seeds, problems)."""
    return seen.among(REGRET, PURPOSE_BUILT, workers)
