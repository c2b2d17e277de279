"""A grid's picture: regret of every problem with many workers, and who gains as their number grows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headway_workers.async_bo.by_workers import REGRET, purpose_built
from headway_workers.async_bo.claims import MANY, Evidence, interval
from headway_workers.async_bo.figure import CURVES, regret_curves
from headway_workers.style import INK, plain

COLUMNS = 4


def draw_grid(figure: Figure, seen: Evidence, workers: Sequence[int]) -> None:
    """A panel for each problem, with 16 workers or else the most, and one of the regret against the
    purpose-built methods' by workers.
    """
    many = MANY if MANY in workers else max(workers)
    problems = sorted({record.setting.problem for record in seen.records})
    rows = -(-(len(problems) + 2) // COLUMNS)
    panels = np.asarray(figure.subplots(rows, COLUMNS)).ravel()
    for axes, problem in zip(panels, problems, strict=False):
        regret_curves(axes, seen.records, problem, legend=False, workers=many)
    for axes in panels[: len(problems) : COLUMNS]:
        axes.set_ylabel("log10 simple regret, mean", fontsize=9)
    summary, *unused = panels[len(problems) :]
    _by_workers(summary, seen, workers)
    for axes in unused:
        axes.axis("off")
    unused[0].legend(*panels[0].get_legend_handles_labels(), loc="center", frameon=False)
    seeds = len({record.setting.seed for record in seen.records})
    title = f"Regret with {many} workers, and by their number: {seeds} seeds"
    figure.suptitle(title, x=0.01, ha="left", color=INK)


def _by_workers(axes: Axes, seen: Evidence, workers: Sequence[int]) -> None:
    """Mean log10 regret less the purpose-built methods' mean, with 95 % intervals over seeds."""
    plain(axes)
    axes.set_title("all problems, by workers", loc="left", fontsize=10, color=INK)
    for method, (colour, line) in CURVES.items():
        found = np.array([interval(seen.of(REGRET, method, q) - purpose_built(seen, q)) for q in workers])
        axes.plot(workers, found[:, 0], line, color=colour, marker="o", ms=3, lw=1.6)
        axes.fill_between(workers, found[:, 1], found[:, 2], color=colour, alpha=0.12, lw=0)
    axes.axhline(0.0, color=INK, lw=0.8)
    axes.set_xscale("log", base=2)
    axes.set_xticks(workers, [str(q) for q in workers])
    axes.set_xlabel("workers")
    axes.set_ylabel("less purpose-built methods'", fontsize=9)
