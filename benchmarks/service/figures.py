"""What is measured, the same for every system, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COLUMNS = (
    *("system", "storage", "servers", "workers", "evaluation s", "cycles/s (least to most)", "headway ×"),
    *("suggest ms, p50 / p99", "finish ms, p50 / p99", "cycles"),
)
N = 300
"""Results that a study has when the clock starts."""
DIMENSION = 6


@dataclass(frozen=True)
class Window:
    """What the workers did between the first request and the last answer. Seconds."""

    seconds: float
    suggest: list[float]
    finish: list[float]

    @property
    def rate(self) -> float:
        """Cycles a second."""
        return len(self.finish) / self.seconds


@dataclass(frozen=True)
class Row:
    """One system with so many workers: every repeat's rate, and percentiles over all of their requests."""

    system: str
    storage: str
    servers: int
    workers: int
    evaluation_s: float
    """Mean time between a suggestion and its result; 0: the workers do nothing but ask and report."""
    rates: list[float]
    suggest_ms: tuple[float, float]
    """Medians and 99th percentiles."""
    finish_ms: tuple[float, float]
    cycles: int

    @property
    def rate(self) -> float:
        """The median repeat's."""
        return float(np.median(self.rates))


def row(
    system: str,
    storage: str,
    servers: int,
    workers: int,
    windows: Sequence[Window],
    *,
    evaluation_s: float = 0.0,
) -> Row:
    """The figures of several repeats."""
    suggest = [1e3 * one for window in windows for one in window.suggest]
    finish = [1e3 * one for window in windows for one in window.finish]
    return Row(
        system,
        storage,
        servers,
        workers,
        evaluation_s,
        [window.rate for window in windows],
        _percentiles(suggest),
        _percentiles(finish),
        len(finish),
    )


def _percentiles(values: list[float]) -> tuple[float, float]:
    median, worst = np.percentile(values, [50, 99]).tolist()
    return median, worst


def table(rows: Sequence[Row]) -> str:
    """Markdown; each of Optuna's samplers against headway with as many workers on one server."""
    ours = {
        row.workers: row.rate
        for row in rows
        if (row.system, row.storage, row.servers, row.evaluation_s) == ("headway", "postgresql", 1, 0.0)
    }
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for one in rows:
        peer = one.system != "headway" and one.workers in ours
        cells = [
            one.system,
            one.storage,
            str(one.servers or ""),
            str(one.workers),
            f"{one.evaluation_s:g}",
            f"{one.rate:.3g} ({min(one.rates):.3g} to {max(one.rates):.3g})",
            f"{ours[one.workers] / one.rate:.0f}" if peer else "",
            " / ".join(f"{value:.1f}" for value in one.suggest_ms),
            " / ".join(f"{value:.1f}" for value in one.finish_ms),
            str(one.cycles),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
