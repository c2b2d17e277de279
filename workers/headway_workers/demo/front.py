"""The front of a study with several objectives, as a picture over the first two."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from headway_workers.demo.record import Observed, Record
from headway_workers.style import BLUE, GOLD, GREY, INK, LIGHT_BLUE, RED, plain, scaled


def draw_front(axes: Axes, record: Record) -> None:
    """Every completed trial over the first two objectives, and those that no other dominates."""
    plain(axes)
    first, second = record.study.definition.objectives[:2]
    axes.set_xlabel(f"{first.name} ({first.goal}d)")
    axes.set_ylabel(f"{second.name} ({second.goal}d)")
    axes.set_title(
        "Every dot is a trial; gold ones are dominated by none", loc="left", fontsize=10, color=GREY
    )
    if not record.observed:
        return
    last = set(record.observed[-1].front)
    front = sorted((seen for seen in record.observed if seen.trial in last), key=lambda seen: seen.values)
    others = [seen for seen in record.observed if seen.trial not in last]
    _dots(axes, [seen for seen in others if seen.counts], LIGHT_BLUE, "dominated")
    _dots(axes, [seen for seen in others if not seen.counts], RED, "breaks a constraint", marker="x")
    if len(record.goals.objectives) == 2:  # with more, the front is no curve in this plane
        axes.plot(*_points(front), color=BLUE, lw=1.2, alpha=0.6, zorder=3)
    axes.scatter(
        *_points(front), s=46, color=GOLD, edgecolor=INK, linewidth=0.6, zorder=4, label="dominated by none"
    )
    xs, ys = _points(record.observed)
    scaled(axes, xs, "x")
    scaled(axes, ys, "y")
    axes.legend(frameon=False, fontsize=8.5, loc="best")


def _points(seen: Sequence[Observed]) -> tuple[list[float], list[float]]:
    return [one.values[0] for one in seen], [one.values[1] for one in seen]


def _dots(axes: Axes, seen: list[Observed], colour: str, label: str, marker: str = "o") -> None:
    if seen:
        axes.scatter(*_points(seen), s=20, color=colour, marker=marker, zorder=2, label=label)
