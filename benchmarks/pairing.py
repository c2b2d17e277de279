"""Whether a system holds each value for the point that it was measured at.

Results come in out of order; an adapter or a library that mixes them up would look like a bad method.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from benchmarks.parameters import Point
from headway_workers.async_bo.simulator import Completion


@runtime_checkable
class Accountable(Protocol):
    """A system that can say which value it holds for which point, from its own records."""

    def records(self) -> Mapping[int, tuple[Point, float]]:
        """By evaluation number."""


class Mispaired(AssertionError):
    """A system holds another value for a point than was measured there."""


def audit(system: Accountable, completions: list[Completion[Point]]) -> None:
    """Hold the system's own records against what was measured.

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
