"""The incumbent over time as an SVG's coordinates: dots for results, steps for the best so far."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from headway.wire.study import Convergence, ConvergencePoint
from headway_server.services.plots import shown

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 32
MAX_DOTS = 1_000
"""Of longer studies not every result is drawn; the steps of the incumbent stay exact."""


@dataclass(frozen=True)
class Tick:
    """A label on an axis, at a pixel."""

    at: float
    label: str


@dataclass(frozen=True)
class IncumbentPlot:
    """What the template draws. Pixels from the top left corner."""

    dots: list[tuple[float, float, ConvergencePoint]]
    steps: str
    """The incumbent as an SVG path."""
    y_ticks: list[Tick]
    x_ticks: list[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def incumbent_plot(convergence: Convergence) -> IncumbentPlot | None:
    """The plot of a study's results; None where there are none yet.

    The steps begin with the first result that counts. The value axis shows the incumbent's path and most
    results: far outliers on the bad side are drawn at its edge, so that one wild value does not flatten
    the rest.
    """
    points = convergence.points
    if not points:
        return None
    low, high = _range(convergence)

    def x(order: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * order / max(1, len(points) - 1), 1)

    def y(value: float) -> float:
        share = (min(high, max(low, value)) - low) / (high - low)
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share, 1)

    counted = [(order, point.best) for order, point in enumerate(points) if point.best is not None]
    steps = [f"M{x(order)},{y(best)}" for order, best in counted[:1]]
    for (_, before), (order, best) in pairwise(counted):
        if best != before:
            steps.append(f"H{x(order)}V{y(best)}")
    if counted:
        steps.append(f"H{x(len(points) - 1)}")
    return IncumbentPlot(
        dots=[(x(order), y(points[order].value), points[order]) for order in shown(convergence, MAX_DOTS)],
        steps="".join(steps),
        y_ticks=[Tick(y(value), f"{value:.4g}") for value in (low, (low + high) / 2, high)],
        x_ticks=[Tick(x(order), str(order + 1)) for order in sorted({0, len(points) // 2, len(points) - 1})],
    )


def _range(convergence: Convergence) -> tuple[float, float]:
    """Lowest and highest value shown, never equal."""
    values = sorted(point.value for point in convergence.points)
    first = [point.best for point in convergence.points if point.best is not None][:1]
    if convergence.objective.goal == "maximize":
        low, high = min([values[len(values) // 10], *first]), values[-1]
    else:
        low, high = values[0], max([values[(9 * (len(values) - 1)) // 10], *first])
    if low == high:
        pad = abs(low) or 1.0
        return low - pad, high + pad
    return low, high
