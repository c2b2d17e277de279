"""One parameter: its values, its levels where it is discrete, and its scale.

A *discrete* parameter has levels, numbered from 0. A *real* one (`Float` without a step) has none. On the
unit interval of its scale a level owns an interval, so that each is equally likely there.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TypeGuard, assert_never

from headway.wire.base import ParamValue
from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal, Parameter

Numeric = Float | Int
"""What an arithmetic expression may hold."""


def is_real(parameter: Parameter) -> TypeGuard[Float]:
    """Whether every number of an interval is a value."""
    return isinstance(parameter, Float) and parameter.step is None


def n_levels(parameter: Parameter) -> int:
    """How many values a discrete parameter has."""
    match parameter:
        case Categorical(choices=choices):
            return len(choices)
        case Ordinal(values=values):
            return len(values)
        case Boolean():
            return 2
        case Int(low=low, high=high, step=step):
            return (high - low) // (step or 1) + 1
        case Float(low=low, high=high, step=float(step)):
            return int((_exact(high) - _exact(low)) / _exact(step)) + 1
        case Float():
            raise AssertionError("a real number has no levels")
        case _:
            assert_never(parameter)


def level_value(parameter: Parameter, level: int) -> ParamValue:
    """The value of one level. Steps are counted in decimal: low + 3 × 0.1 is 0.3."""
    match parameter:
        case Categorical(choices=levels) | Ordinal(values=levels):
            return levels[level]
        case Boolean():
            return level == 1
        case Int(low=low, step=step):
            return low + level * (step or 1)
        case Float(low=low, step=float(step)):
            return float(_exact(low) + level * _exact(step))
        case Float():
            raise AssertionError("a real number has no levels")
        case _:
            assert_never(parameter)


def level_of(parameter: Parameter, value: ParamValue) -> int:
    """The level of a value in the parameter's own type."""
    match parameter:
        case Categorical(choices=levels) | Ordinal(values=levels):
            return next(i for i, one in enumerate(levels) if same(one, value))
        case Boolean():
            return int(value)
        case Int(low=low, step=step):
            return (int(value) - low) // (step or 1)
        case Float(low=low, step=float(step)):
            return round((_exact(float(value)) - _exact(low)) / _exact(step))
        case Float():
            raise AssertionError("a real number has no levels")
        case _:
            assert_never(parameter)


def warped_bounds(parameter: Float | Int) -> tuple[float, float]:
    """The interval that [0, 1] maps to, on the parameter's own scale, where it has no step.

    A whole number owns the half-open unit around it, so that each is equally likely on its scale.
    """
    margin = 0.5 if isinstance(parameter, Int) else 0.0
    low, high = parameter.low - margin, parameter.high + margin
    return (math.log(low), math.log(high)) if parameter.log else (low, high)


def to_uniform(parameter: Parameter, value: ParamValue) -> float:
    """Where a value lies on the parameter's scale: in [0, 1], in the middle of what a level owns. A number
    outside the parameter's range lies beyond, and one between its steps between their levels.
    """
    if isinstance(parameter, Float | Int):
        if parameter.step is None:
            low, high = warped_bounds(parameter)
            warped = math.log(float(value)) if parameter.log else float(value)
            return (warped - low) / (high - low)
        if coerced(parameter, value) is None:
            return ((float(value) - parameter.low) / parameter.step + 0.5) / n_levels(parameter)
    return (level_of(parameter, value) + 0.5) / n_levels(parameter)


def from_uniform(parameter: Parameter, u: float) -> ParamValue:
    """The value at, or the level around, a number in [0, 1] of the parameter's scale."""
    if isinstance(parameter, Float | Int) and parameter.step is None:
        low, high = warped_bounds(parameter)
        warped = low + u * (high - low)
        value = math.exp(warped) if parameter.log else warped
        if isinstance(parameter, Int):
            return min(parameter.high, max(parameter.low, round(value)))
        return min(parameter.high, max(parameter.low, value))
    count = n_levels(parameter)
    return level_value(parameter, min(int(u * count), count - 1))


def same(choice: ParamValue, value: ParamValue) -> bool:
    """Equality that keeps True, 1 and "1" apart but not 1 and 1.0 (JSON does not)."""
    return choice == value and isinstance(choice, bool) == isinstance(value, bool)


def coerced(parameter: Parameter, value: ParamValue) -> ParamValue | None:
    """The value in the parameter's own type, or None where the parameter can't take it.

    A number that is a step's value but for rounding (0.1 + 0.2 for 0.3) becomes that value.
    """
    match parameter:
        case Boolean():
            return value if isinstance(value, bool) else None
        case Categorical(choices=levels) | Ordinal(values=levels):
            return next((one for one in levels if same(one, value)), None)
        case Float() | Int():
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            if not parameter.low <= value <= parameter.high:  # refuses NaN too
                return None
            if isinstance(parameter, Int):
                whole = int(value) if value == int(value) else None
                on_step = whole is not None and (whole - parameter.low) % (parameter.step or 1) == 0
                return whole if on_step else None
            return float(value) if parameter.step is None else _on_step(parameter, float(value))
        case _:
            assert_never(parameter)


def range_of(parameter: Parameter) -> str:
    """What a caller may give, in words."""
    step = ""
    if isinstance(parameter, Float | Int) and parameter.step is not None:
        step = f" in steps of {parameter.step!r}"
    match parameter:
        case Boolean():
            return "true or false"
        case Categorical(choices=levels) | Ordinal(values=levels):
            return f"one of {', '.join(repr(one) for one in levels)}"
        case Int():
            return f"a whole number from {parameter.low} to {parameter.high}{step}"
        case Float():
            return f"a number from {parameter.low!r} to {parameter.high!r}{step}"
        case _:
            assert_never(parameter)


def _on_step(parameter: Float, value: float) -> float | None:
    nearest = level_value(parameter, min(level_of(parameter, value), n_levels(parameter) - 1))
    slack = 1e-9 * (parameter.step or 0.0) + 1e-15 * max(abs(parameter.low), abs(parameter.high))
    return float(nearest) if abs(value - float(nearest)) <= slack else None


def _exact(number: float) -> Decimal:
    """The decimal number that people read: the shortest that stands for this float."""
    return Decimal(repr(number))
