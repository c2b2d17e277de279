"""Asynchronous optimisation on a simulated clock.

q workers ask one after the other at time 0. Whenever one comes back, its result is told and it is given the
next point at once, until the budget has been handed out. The simulator knows nothing of the systems, and
how long evaluation k takes depends on neither the system nor the point: every system sees the same
schedule.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from headway_workers.async_bo.functions import Array

PointT = TypeVar("PointT")


class System(Protocol[PointT]):
    """What is compared. Values are to be minimised."""

    def ask(self, number: int, pending: Mapping[int, PointT]) -> PointT:
        """The point of evaluation `number` (from 1), while `pending` are being evaluated."""

    def tell(self, number: int, point: PointT, value: float) -> None:
        """Evaluation `number` has finished."""


@runtime_checkable
class Bereaved(Protocol):
    """A system that wants to know of evaluations from which no result will come."""

    def lose(self, number: int) -> None:
        """Its worker has failed, and is back for another."""


@dataclass(frozen=True)
class Completion(Generic[PointT]):
    """One finished evaluation; completions are listed in the order in which they came in."""

    number: int
    point: PointT
    value: float
    time: float
    """Simulated, in mean evaluation times."""
    asked: float = 0.0
    """When its worker was given it."""
    worker: int = 0


def _constant(rng: np.random.Generator, count: int) -> Array:
    del rng
    return np.ones(count)


def _uniform(rng: np.random.Generator, count: int) -> Array:
    return rng.uniform(0.0, 2.0, count)


def _exponential(rng: np.random.Generator, count: int) -> Array:
    return rng.exponential(1.0, count)


def _half_normal(rng: np.random.Generator, count: int) -> Array:
    return np.abs(rng.normal(0.0, np.sqrt(np.pi / 2), count))


def _pareto(rng: np.random.Generator, count: int) -> Array:
    """Shape 3, from 2/3 on."""
    return (1.0 + rng.pareto(3.0, count)) * 2 / 3


LAWS: Mapping[str, Callable[[np.random.Generator, int], Array]] = MappingProxyType(
    {
        "constant": _constant,
        "uniform": _uniform,
        "exponential": _exponential,
        "half-normal": _half_normal,
        "pareto": _pareto,
    }
)
"""Laws of the evaluation time, each with mean 1 (Kandasamy et al. 2018; Alvi et al. 2019). Where it is
constant, q workers come back together."""


def durations(law: str, seed: int, count: int) -> Array:
    """How long each evaluation takes on a worker of speed 1, (count,)."""
    words = np.random.SeedSequence([zlib.crc32(law.encode()), seed])
    return LAWS[law](np.random.Generator(np.random.Philox(words)), count)


@dataclass(frozen=True)
class Crew:
    """Who evaluates.

    Raises:
        ValueError: a worker stands still, or there is none.
    """

    workers: int
    speeds: tuple[float, ...] = ()
    """Of each worker, as a multiple of the usual one; empty: all are usual."""
    synchronous: bool = False
    """Whether all wait for the slowest, and are then given their next points together."""
    lost: frozenset[int] = field(default_factory=frozenset)
    """Numbers of the evaluations whose worker fails: the time passes, and no result comes."""

    def __post_init__(self) -> None:
        if self.workers < 1 or any(not speed > 0 for speed in self.speeds):
            raise ValueError(f"{self.workers} workers of speeds {self.speeds}: give one and more, above 0.")
        if self.speeds and len(self.speeds) != self.workers:
            raise ValueError(f"{len(self.speeds)} speeds for {self.workers} workers: give one for each.")


def simulate(
    system: System[PointT],
    evaluate: Callable[[int, PointT], float],
    times: Array,
    workers: int | Crew,
) -> list[Completion[PointT]]:
    """Run one evaluation per entry of `times`, which are those of a worker of speed 1."""
    crew = workers if isinstance(workers, Crew) else Crew(workers)
    return _Simulation(system, evaluate, times, crew).run()


@dataclass(frozen=True, order=True)
class _Running:
    """An evaluation under way; the first to end comes first."""

    ends: float
    number: int
    worker: int = field(compare=False)
    asked: float = field(compare=False)


class _Simulation(Generic[PointT]):
    def __init__(
        self, system: System[PointT], evaluate: Callable[[int, PointT], float], times: Array, crew: Crew
    ) -> None:
        self._system, self._evaluate, self._crew = system, evaluate, crew
        self._times = times.tolist()
        self._clock = 0.0
        self._pending: dict[int, PointT] = {}
        self._running: list[_Running] = []
        self._completions: list[Completion[PointT]] = []

    def run(self) -> list[Completion[PointT]]:
        free = list(range(self._crew.workers))
        for number, duration in enumerate(self._times, start=1):
            if not free:
                free.append(self._come_back())
                while self._crew.synchronous and self._running:
                    free.append(self._come_back())
                free.sort()
            self._start(number, duration, free.pop(0))
        while self._running:
            self._come_back()
        return self._completions

    def _start(self, number: int, duration: float, worker: int) -> None:
        self._pending[number] = self._system.ask(number, dict(self._pending))
        speed = self._crew.speeds[worker] if self._crew.speeds else 1.0
        ends = self._clock + duration / speed
        heapq.heappush(self._running, _Running(ends, number, worker, self._clock))

    def _come_back(self) -> int:
        """The next worker that is done, or has failed; its result is told."""
        done = heapq.heappop(self._running)
        self._clock = done.ends
        point = self._pending.pop(done.number)
        if done.number in self._crew.lost:
            if isinstance(self._system, Bereaved):
                self._system.lose(done.number)
            return done.worker
        value = self._evaluate(done.number, point)
        self._system.tell(done.number, point, value)
        self._completions.append(Completion(done.number, point, value, done.ends, done.asked, done.worker))
        return done.worker
