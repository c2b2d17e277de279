"""What is timed, the same for every system: the data, the row of results, the core it is pinned to."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from headway_workers.async_bo.functions import Array


def objective(x: Array) -> float:
    """A bowl with ripples, to be minimised: smooth, several optima, every coordinate matters a little."""
    weights = np.arange(1, len(x) + 1) / len(x)
    return float(weights @ (x - 0.3) ** 2 + 0.1 * np.cos(8 * x).sum())


def points(n: int, d: int) -> Array:
    """Uniform in the unit cube, (n, d): the same ones for every system."""
    return np.random.default_rng(n + d).random((n, d))


@dataclass(frozen=True)
class Row:
    """One system at one size. Seconds; quartiles over the repeats, medians of the parts."""

    system: str
    exact_gp: bool
    d: int
    n: int
    """Results known when the clock starts."""
    repeats: int
    median_s: float
    lower_s: float
    upper_s: float
    processor_s: float
    """Median of the processor time, which neighbours on the machine disturb less."""
    fit_s: float | None
    """Hyperparameters: within each suggestion for the peers, beside it for headway."""
    acquisition_s: float | None
    """Choosing the point once the model stands."""
    peak_mib: float
    """The process's largest resident memory up to the last timed suggestion."""
    versions: dict[str, str]


@dataclass
class Timings:
    """Collects repeats."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    fit: list[float] = field(default_factory=list)
    acquisition: list[float] = field(default_factory=list)

    @contextmanager
    def repeat(self) -> Iterator[None]:
        """Time one new result and one suggestion."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.wall.append(time.perf_counter() - wall)
        self.processor.append(time.process_time() - processor)

    def clear(self) -> None:
        """Forget what was timed so far."""
        for values in (self.wall, self.processor, self.fit, self.acquisition):
            values.clear()

    def row(self, system: str, *, exact_gp: bool, n: int, d: int, versions: dict[str, str]) -> Row:
        """The row, with the memory so far."""
        lower, median, upper = np.percentile(self.wall, [25, 50, 75]).tolist()
        return Row(
            system,
            exact_gp,
            d,
            n,
            len(self.wall),
            median,
            lower,
            upper,
            float(np.median(self.processor)),
            float(np.median(self.fit)) if self.fit else None,
            float(np.median(self.acquisition)) if self.acquisition else None,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            versions,
        )


@contextmanager
def timed(owner: object, name: str, into: list[float]) -> Iterator[None]:
    """Add the time of every call of `owner.name` to a list: how a peer's parts are told apart."""
    inner: Callable[..., Any] = getattr(owner, name)

    def outer(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return inner(*arguments, **named)
        finally:
            into.append(time.perf_counter() - began)

    with patch.object(owner, name, outer):
        yield


def pin() -> None:
    """Stay on one core, the last of those allowed, where the system can pin."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
