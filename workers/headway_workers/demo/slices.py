"""The posterior along one parameter, through the incumbent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from headway.wire.base import Params, ParamValue
from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal, Parameter
from headway.wire.study import Interval
from headway_server.domain.space import SearchSpace

RESOLUTION = 61
"""Points along a number's range."""

Predict = Callable[[Sequence[Params]], Sequence[Interval]]
"""The posterior at some points, in order."""


@dataclass(frozen=True)
class Slice:
    """The posterior along one parameter, all others at the incumbent's values."""

    parameter: Parameter
    values: tuple[ParamValue, ...]
    posterior: tuple[Interval, ...]
    """One interval a value."""
    incumbent: ParamValue
    importance: float
    """Share of the model's inverse lengthscales."""


def slices(
    space: SearchSpace,
    incumbent: Params,
    importance: dict[str, float],
    predict: Predict,
    count: int = 2,
) -> tuple[Slice, ...]:
    """The `count` most important parameters' slices, the most important first.

    Only of those that the incumbent has and that no other depends on: the other values stay, but for a
    simplex, whose other shares keep their proportions. Values that break a constraint are left out.
    """
    parents = {p.when.parent for p in space.parameters if p.when is not None}
    sliced = [p for p in space.parameters if p.name in incumbent and p.name not in parents]
    chosen = sorted(sliced, key=lambda p: -importance.get(p.name, 0.0))[:count]
    found: list[Slice] = []
    for parameter in chosen:
        points = [_moved(space, incumbent, parameter.name, value) for value in along(parameter)]
        points = [point for point in points if space.holds(point)]
        if len(points) < 2:
            continue
        values = tuple(point[parameter.name] for point in points)
        share = importance.get(parameter.name, 0.0)
        found.append(Slice(parameter, values, tuple(predict(points)), incumbent[parameter.name], share))
    return tuple(found)


def _moved(space: SearchSpace, incumbent: Params, name: str, value: ParamValue) -> Params:
    """The incumbent with another value of one parameter."""
    moved: Params = {**incumbent, name: value}
    for simplex in space.simplexes:
        if name in simplex.components:
            others = [one for one in simplex.components if one != name]
            had = sum(float(incumbent[one]) for one in others)
            left = 1.0 - float(value)
            shares = {one: float(incumbent[one]) / had if had > 0.0 else 1.0 / len(others) for one in others}
            moved |= {one: left * share for one, share in shares.items()}
    return moved


def along(parameter: Parameter) -> tuple[ParamValue, ...]:
    """Values that cover a parameter's range evenly on its own scale; every choice of a categorical one."""
    match parameter:
        case Categorical(choices=levels) | Ordinal(values=levels):
            return levels
        case Boolean():
            return (False, True)
        case Float() | Int():
            low, high = (
                (math.log(parameter.low), math.log(parameter.high))
                if parameter.log
                else (parameter.low, parameter.high)
            )
            steps = [low + (high - low) * i / (RESOLUTION - 1) for i in range(RESOLUTION)]
            points = [math.exp(step) if parameter.log else step for step in steps]
            if isinstance(parameter, Int):
                return tuple(sorted({min(parameter.high, max(parameter.low, round(v))) for v in points}))
            return tuple(min(parameter.high, max(parameter.low, v)) for v in points)
        case _:
            assert_never(parameter)
