"""Several objectives: which results are not dominated, and how much space they dominate.

Points are tuples of utilities: of each, larger is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
Point = tuple[float, ...]

MAX_FOR_HYPERVOLUME = 3
"""With more objectives the exact volume takes too long to be computed for every arrival."""


def dominates(a: Point, b: Point) -> bool:
    """Whether `a` is nowhere worse than `b` and somewhere better."""
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))


class Front(Generic[ItemT]):
    """The points that no other dominates, with what they belong to, in order of arrival."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.items: list[ItemT] = []

    def add(self, point: Point, item: ItemT) -> bool:
        """Take up a point; whether it belongs to the front. Of equal points the first does."""
        if any(kept == point or dominates(kept, point) for kept in self.points):
            return False
        keep = [i for i, kept in enumerate(self.points) if not dominates(point, kept)]
        self.points = [self.points[i] for i in keep] + [point]
        self.items = [self.items[i] for i in keep] + [item]
        return True


def reference_point(front: Sequence[Point]) -> Point:
    """Where volumes are measured from: a tenth of the front's range below its worst corner.

    Ishibuchi et al. 2011, "Many-objective test problems to visually examine the behavior of multiobjective
    evolution in a decision space", as BoTorch's `infer_reference_point` has it. Where the front has no
    range, such as that of one point, its own size stands in.
    """
    reference = []
    for values in zip(*front, strict=True):
        low, high = min(values), max(values)
        extent = (high - low) or abs(low) or 1.0
        reference.append(low - 0.1 * extent)
    return tuple(reference)


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Exact volume that points dominate above a reference; those that don't exceed it count for nothing.

    In two dimensions by one sweep; in three by slices along the last, whose areas are swept (Knowles 2002,
    "Local-search and hybrid evolutionary algorithms for Pareto optimization", "hypervolume by slicing
    objectives").
    """
    above = [
        tuple(x - r for x, r in zip(point, reference, strict=True))
        for point in points
        if all(x > r for x, r in zip(point, reference, strict=True))
    ]
    return _volume(above)


def contribution(point: Point, front: Sequence[Point], reference: Point) -> float:
    """The volume that a point adds to what a front dominates (While et al. 2012, "A fast way of calculating
    exact hypervolumes", eq. 4): its own box, less what others dominate within that box.
    """
    within = Front[None]()
    for other in front:
        within.add(tuple(min(x, y) for x, y in zip(point, other, strict=True)), None)
    return hypervolume([point], reference) - hypervolume(within.points, reference)


def _volume(points: list[Point]) -> float:
    """Of points above the origin."""
    if not points:
        return 0.0
    if len(points[0]) == 1:
        return max(point[0] for point in points)
    if len(points[0]) == 2:
        return _area(points)
    ordered = sorted(points, key=lambda point: -point[-1])
    volume = 0.0
    for k, point in enumerate(ordered, start=1):
        below = ordered[k][-1] if k < len(ordered) else 0.0
        if point[-1] > below:
            volume += (point[-1] - below) * _volume([one[:-1] for one in ordered[:k]])
    return volume


def _area(points: list[Point]) -> float:
    area = height = 0.0
    for x, y in sorted(points, reverse=True):
        if y > height:
            area += x * (y - height)
            height = y
    return area
