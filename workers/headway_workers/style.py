"""How every figure of a workload looks: its sheet, its colours and its axes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

INK, GREY, PALE = "#1f2933", "#8a94a0", "#e4e8ec"
BLUE, LIGHT_BLUE, GOLD, RED = "#2563a8", "#a9c4e2", "#e0a100", "#c43d3d"

LOG_SPREAD = 20.0
"""Positive values that differ by more than this factor are drawn on a log axis."""


def sheet(height: float = 7.0) -> Figure:
    """An empty figure of 1,760 pixels' width; `height` in inches of 160 pixels."""
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    figure = Figure(figsize=(11, height), dpi=160, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    return figure


def saved(figure: Figure, path: Path) -> Path:
    """As a PNG, in a folder that is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path


def plain(axes: Axes) -> None:
    """Two spines, a pale grid, quiet ink."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.grid(visible=True, color=PALE, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def scaled(axes: Axes, values: Sequence[float], along: Literal["x", "y"] = "y") -> None:
    """A log axis with plain numbers, where the values call for one."""
    axis = axes.yaxis if along == "y" else axes.xaxis
    if min(values) <= 0 or max(values) / min(values) < LOG_SPREAD:
        axis.set_major_locator(MaxNLocator(6))
        return
    axes.set(**{f"{along}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(FixedLocator([]))
    axis.set_minor_formatter(NullFormatter())
