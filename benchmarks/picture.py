"""The picture of a comparison: median simple regret against evaluations, one panel a problem."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.statistics import FLOOR
from benchmarks.units import Run


def draw(runs: Sequence[Run], systems: Sequence[str], problems: Sequence[str], path: Path) -> None:
    """Medians as lines; quartiles as bands where there are at least five seeds. Writes a PNG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = 5
    rows = -(-(len(problems) + 1) // columns)
    figure = Figure(figsize=(3 * columns, 2.5 * rows), layout="constrained")
    axes = figure.subplots(rows, columns).ravel().tolist()
    colours = mpl.color_sequences["tab10"]
    for panel, problem in zip(axes, problems, strict=False):
        for k, system in enumerate(systems):
            group = [r.regret for r in runs if (r.unit.system, r.unit.problem) == (system, problem)]
            if not group:
                continue
            low, median, high = np.percentile(np.maximum(group, FLOOR), [25, 50, 75], axis=0)
            count = np.arange(1, len(median) + 1)
            panel.plot(count, median, color=colours[k], linewidth=2 if k == 0 else 1.2, zorder=3 - (k > 0))
            if len(group) >= 5:
                panel.fill_between(count, low, high, color=colours[k], alpha=0.12, linewidth=0)
        panel.set_title(problem, fontsize=9)
        panel.set_yscale("log")
        panel.tick_params(labelsize=7)
    for panel in axes[len(problems) :]:
        panel.axis("off")
    legend = axes[len(problems)]
    for k, system in enumerate(systems):
        legend.plot([], [], color=colours[k], label=system)
    legend.legend(loc="center", frameon=False, fontsize=9)
    figure.supxlabel("finished evaluations", fontsize=9)
    figure.supylabel("simple regret, median and quartiles", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
