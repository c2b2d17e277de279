"""Uniform points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from benchmarks.parameters import Choice, Flag, Parameter, Point, Real, Value, Whole
from benchmarks.problems import Problem


class Random:
    """The floor: what blind search finds."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._parameters = problem.parameters
        self._rng = np.random.default_rng(seed)

    def ask(self, number: int, pending: Mapping[int, Point]) -> Point:
        del number, pending
        return {parameter.name: _draw(parameter, self._rng) for parameter in self._parameters}

    def tell(self, number: int, point: Point, value: float) -> None:
        """Learns nothing."""


def _draw(parameter: Parameter, rng: np.random.Generator) -> Value:
    match parameter:
        case Real():
            return float(rng.uniform(parameter.low, parameter.high))
        case Whole():
            return int(rng.integers(parameter.low, parameter.high, endpoint=True))
        case Choice():
            return parameter.choices[int(rng.integers(len(parameter.choices)))]
        case Flag():
            return bool(rng.integers(2))
    assert_never(parameter)
