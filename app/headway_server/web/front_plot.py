"""Two objectives against each other as an SVG's coordinates: dots for results, steps for the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headway.wire.study import Convergence, ConvergencePoint, Objective
from headway_server.services.plots import front_of, shown_front
from headway_server.web.incumbent_plot import BOTTOM, HEIGHT, LEFT, MAX_DOTS, RIGHT, TOP, WIDTH, Tick


@dataclass(frozen=True)
class Dot:
    """One result, at a pixel."""

    x: float
    y: float
    kind: str
    """`front`, `counts`, or `infeasible` where it breaks a constraint."""
    point: ConvergencePoint


@dataclass(frozen=True)
class FrontPlot:
    """What the template draws. Pixels from the top left corner."""

    dots: list[Dot]
    steps: str
    """The border of what the front dominates, as an SVG path."""
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    across: str
    """Name of the objective on the horizontal axis."""
    up: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def front_plot(convergence: Convergence) -> FrontPlot | None:
    """The plot of a study with two objectives; None with other numbers, or without results.

    The axes hold nine in ten of the results and the whole front; what lies outside is drawn at the edge.
    """
    if len(convergence.objectives) != 2 or not convergence.points:
        return None
    first, second = convergence.objectives
    front = front_of(convergence)
    x_low, x_high = _range(convergence.points, front, first)
    y_low, y_high = _range(convergence.points, front, second)

    def x(value: float) -> float:
        share = (min(x_high, max(x_low, value)) - x_low) / (x_high - x_low)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)

    def y(value: float) -> float:
        share = (min(y_high, max(y_low, value)) - y_low) / (y_high - y_low)
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share, 1)

    on_front = {point.trial for point in front}
    ordered = sorted((point.metrics[first.name], point.metrics[second.name]) for point in front)
    corners = [(x(a), y(b)) for a, b in ordered]
    across_first = first.goal == "minimize"  # the border leaves a point along the axis on which it is worse
    return FrontPlot(
        dots=[
            Dot(
                x(point.metrics[first.name]),
                y(point.metrics[second.name]),
                "front" if point.trial in on_front else "counts" if point.counts else "infeasible",
                point,
            )
            for point in shown_front(convergence, front, MAX_DOTS)
        ],
        steps=_steps(corners, across_first=across_first),
        x_ticks=[Tick(x(value), f"{value:.4g}") for value in (x_low, (x_low + x_high) / 2, x_high)],
        y_ticks=[Tick(y(value), f"{value:.4g}") for value in (y_low, (y_low + y_high) / 2, y_high)],
        across=first.name,
        up=second.name,
    )


def _steps(corners: Sequence[tuple[float, float]], *, across_first: bool) -> str:
    """A staircase through points from left to right."""
    steps = [f"M{x},{y}" for x, y in corners[:1]]
    for x, y in corners[1:]:
        steps.append(f"H{x}V{y}" if across_first else f"V{y}H{x}")
    return "".join(steps)


def _range(
    points: Sequence[ConvergencePoint], front: Sequence[ConvergencePoint], objective: Objective
) -> tuple[float, float]:
    """Lowest and highest value shown, never equal."""
    values = sorted(point.metrics[objective.name] for point in points)
    cut = len(values) // 10
    kept = values[cut:] if objective.goal == "maximize" else values[: len(values) - cut]
    kept += [point.metrics[objective.name] for point in front]
    low, high = min(kept), max(kept)
    if low == high:
        pad = abs(low) or 1.0
        return low - pad, high + pad
    return low, high
