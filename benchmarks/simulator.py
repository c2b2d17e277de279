"""Asynchronous optimisation on a simulated clock.

q workers ask one after the other at time 0. Whenever one finishes, its result is told and it is given the
next point at once, until the budget has been handed out. The simulator knows nothing of the systems, and
how long evaluation k takes depends on neither the system nor the point: every system sees the same
schedule.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np

from benchmarks.functions import Array
from benchmarks.parameters import Point


class System(Protocol):
    """What is compared. Values are to be minimised."""

    def ask(self, number: int, pending: Mapping[int, Point]) -> Point:
        """The point of evaluation `number` (from 1), while `pending` are being evaluated."""

    def tell(self, number: int, point: Point, value: float) -> None:
        """Evaluation `number` has finished."""


@runtime_checkable
class Accountable(Protocol):
    """A system that can say which value it holds for which point, from its own records."""

    def records(self) -> Mapping[int, tuple[Point, float]]:
        """By evaluation number."""


@dataclass(frozen=True)
class Completion:
    """One finished evaluation; completions are listed in the order in which they came in."""

    number: int
    point: Point
    value: float
    time: float
    """Simulated, in mean evaluation times."""


def _exponential(rng: np.random.Generator, count: int) -> Array:
    return rng.exponential(1.0, count)


def _half_normal(rng: np.random.Generator, count: int) -> Array:
    return np.abs(rng.normal(0.0, np.sqrt(np.pi / 2), count))


def _pareto(rng: np.random.Generator, count: int) -> Array:
    """Shape 3, from 2/3 on."""
    return (1.0 + rng.pareto(3.0, count)) * 2 / 3


LAWS: Mapping[str, Callable[[np.random.Generator, int], Array]] = MappingProxyType(
    {"exponential": _exponential, "half-normal": _half_normal, "pareto": _pareto}
)
"""Laws of the evaluation time, each with mean 1."""


def durations(law: str, seed: int, count: int) -> Array:
    """How long each evaluation takes, (count,)."""
    words = np.random.SeedSequence([zlib.crc32(law.encode()), seed])
    return LAWS[law](np.random.Generator(np.random.Philox(words)), count)


def simulate(
    system: System, evaluate: Callable[[int, Point], float], times: Array, workers: int
) -> list[Completion]:
    """Run one evaluation per entry of `times` on so many workers."""
    clock = 0.0
    pending: dict[int, Point] = {}
    running: list[tuple[float, int]] = []
    completions: list[Completion] = []
    for number, duration in enumerate(times.tolist(), start=1):
        if len(running) == workers:
            clock = _finish(system, evaluate, running, pending, completions)
        pending[number] = system.ask(number, dict(pending))
        heapq.heappush(running, (clock + duration, number))
    while running:
        _finish(system, evaluate, running, pending, completions)
    return completions


def _finish(
    system: System,
    evaluate: Callable[[int, Point], float],
    running: list[tuple[float, int]],
    pending: dict[int, Point],
    completions: list[Completion],
) -> float:
    """Tell the next result that comes in; its time."""
    clock, number = heapq.heappop(running)
    point = pending.pop(number)
    value = evaluate(number, point)
    system.tell(number, point, value)
    completions.append(Completion(number, point, value, clock))
    return clock


class Mispaired(AssertionError):
    """A system holds another value for a point than was measured there."""


def audit(system: Accountable, completions: list[Completion]) -> None:
    """Hold the system's own records against what was measured.

    Results come in out of order; an adapter or a library that mixes them up would look like a bad method.

    Raises:
        Mispaired: naming the evaluation.
    """
    records = system.records()
    if len(records) != len(completions):
        raise Mispaired(f"{len(records)} records of {len(completions)} evaluations")
    for completion in completions:
        point, value = records[completion.number]
        if not np.isclose(value, completion.value, rtol=1e-9, atol=1e-12):
            raise Mispaired(f"evaluation {completion.number}: {value} is recorded, not {completion.value}")
        for name, expected in completion.point.items():
            held = point[name]
            same = (
                np.isclose(held, expected, rtol=1e-9, atol=1e-12)
                if isinstance(expected, float) and isinstance(held, float)
                else held == expected
            )
            if not same:
                raise Mispaired(
                    f"evaluation {completion.number}: {name} = {held} is recorded, not {expected}"
                )
