"""The search space: its rules, and its maps to and from the unit cube.

A point has two encodings. The *model's* has one coordinate in [0, 1] per number or boolean and one per
choice of a categorical parameter (one-hot), so that distances mean something to a kernel. The
*sampler's* has exactly one uniform number per parameter, so that a low-discrepancy sequence stays one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from headway.wire.base import Params, ParamValue
from headway.wire.problem import FieldError
from headway.wire.space import Boolean, Categorical, Float, Int, Parameter, Space
from headway_server.domain.errors import InvalidSpace, MissingParameter, OutOfBounds, UnknownParameter

MAX_PARAMETERS = 200
MAX_CHOICES = 1_000
MAX_NAME = 64
MAX_INTEGER = 2**53


@dataclass(frozen=True)
class Block:
    """The coordinates [start, start + width) of the model's unit cube that encode one parameter."""

    parameter: Parameter
    start: int
    width: int


@dataclass(frozen=True)
class SearchSpace:
    """Parameters in order. Build with `SearchSpace.checked`, which refuses a space that makes no sense."""

    parameters: tuple[Parameter, ...]

    @classmethod
    def checked(cls, parameters: Sequence[Parameter], pointer: str = "/space/parameters") -> SearchSpace:
        """A space that can be searched.

        Raises:
            InvalidSpace: naming every field that is wrong, its value and the remedy.
        """
        if faults := list(_faults(parameters, pointer)):
            raise InvalidSpace.over(faults)
        return cls(tuple(parameters))

    @classmethod
    def from_wire(cls, space: Space) -> SearchSpace:
        """The space of a study's definition, checked."""
        return cls.checked(space.parameters)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Where each parameter sits in the model's unit cube, in order."""
        blocks: list[Block] = []
        start = 0
        for parameter in self.parameters:
            width = len(parameter.choices) if isinstance(parameter, Categorical) else 1
            blocks.append(Block(parameter, start, width))
            start += width
        return tuple(blocks)

    @cached_property
    def dimension(self) -> int:
        """Number of coordinates of the model's unit cube."""
        return sum(block.width for block in self.blocks)

    def check(self, params: Params, pointer: str = "/params") -> Params:
        """The point with every value in its parameter's own type, in the space's order.

        Raises:
            UnknownParameter, MissingParameter, OutOfBounds: naming the field, the value and the remedy.
        """
        names = [parameter.name for parameter in self.parameters]
        if unknown := [name for name in params if name not in names]:
            raise UnknownParameter.over(
                [
                    FieldError(
                        pointer=f"{pointer}/{name}",
                        message=f"There is no parameter {name!r}.",
                        hint=f"The space has: {', '.join(names)}.",
                    )
                    for name in unknown
                ]
            )
        if missing := [name for name in names if name not in params]:
            raise MissingParameter.over(
                [
                    FieldError(
                        pointer=f"{pointer}/{name}",
                        message=f"Parameter {name!r} is missing.",
                        hint="Give every parameter of the space a value.",
                    )
                    for name in missing
                ]
            )
        faults: list[FieldError] = []
        point: Params = {}
        for parameter in self.parameters:
            value = _coerced(parameter, params[parameter.name])
            if value is None:
                faults.append(
                    FieldError(
                        pointer=f"{pointer}/{parameter.name}",
                        message=f"{parameter.name} = {params[parameter.name]!r} is not allowed.",
                        hint=f"Give {_range(parameter)}.",
                    )
                )
            else:
                point[parameter.name] = value
        if faults:
            raise OutOfBounds.over(faults)
        return point

    def to_unit(self, params: Params) -> list[float]:
        """The model's encoding of a checked point: `dimension` numbers in [0, 1]."""
        unit: list[float] = []
        for parameter in self.parameters:
            value = params[parameter.name]
            if isinstance(parameter, Categorical):
                unit.extend(float(_same(choice, value)) for choice in parameter.choices)
            elif isinstance(parameter, Boolean):
                unit.append(float(value))
            else:
                low, high = _warped_bounds(parameter)
                warped = math.log(float(value)) if parameter.log else float(value)
                unit.append(min(1.0, max(0.0, (warped - low) / (high - low))))
        return unit

    def from_unit(self, unit: Sequence[float]) -> Params:
        """The nearest point of the space to a vector of the model's unit cube (`dimension` numbers)."""
        params: Params = {}
        for block in self.blocks:
            coordinates = unit[block.start : block.start + block.width]
            parameter = block.parameter
            if isinstance(parameter, Categorical):
                largest = max(range(block.width), key=coordinates.__getitem__)
                params[parameter.name] = parameter.choices[largest]
            else:
                params[parameter.name] = _from_uniform(parameter, coordinates[0])
        return params

    def from_uniform(self, sample: Sequence[float]) -> Params:
        """The point that one uniform number in [0, 1) per parameter stands for (the sampler's encoding)."""
        return {
            parameter.name: _from_uniform(parameter, u)
            for parameter, u in zip(self.parameters, sample, strict=True)
        }


def _from_uniform(parameter: Parameter, u: float) -> ParamValue:
    match parameter:
        case Categorical(choices=choices):
            return choices[min(int(u * len(choices)), len(choices) - 1)]
        case Boolean():
            return u >= 0.5
        case Float() | Int():
            low, high = _warped_bounds(parameter)
            warped = low + u * (high - low)
            value = math.exp(warped) if parameter.log else warped
            if isinstance(parameter, Int):
                return min(parameter.high, max(parameter.low, round(value)))
            return min(parameter.high, max(parameter.low, value))
        case _:
            assert_never(parameter)


def _warped_bounds(parameter: Float | Int) -> tuple[float, float]:
    """The interval that [0, 1] maps to, on the parameter's own scale.

    A whole number owns the half-open unit around it, so that each is equally likely on its scale.
    """
    margin = 0.5 if isinstance(parameter, Int) else 0.0
    low, high = parameter.low - margin, parameter.high + margin
    return (math.log(low), math.log(high)) if parameter.log else (low, high)


def _same(choice: ParamValue, value: ParamValue) -> bool:
    """Equality that keeps True, 1 and "1" apart but not 1 and 1.0 (JSON does not)."""
    return choice == value and isinstance(choice, bool) == isinstance(value, bool)


def _coerced(parameter: Parameter, value: ParamValue) -> ParamValue | None:
    """The value in the parameter's own type, or None where the parameter can't take it."""
    match parameter:
        case Boolean():
            return value if isinstance(value, bool) else None
        case Categorical(choices=choices):
            return next((choice for choice in choices if _same(choice, value)), None)
        case Float() | Int():
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            if not parameter.low <= value <= parameter.high:  # refuses NaN too
                return None
            if isinstance(parameter, Float):
                return float(value)
            return int(value) if value == int(value) else None
        case _:
            assert_never(parameter)


def _range(parameter: Parameter) -> str:
    match parameter:
        case Boolean():
            return "true or false"
        case Categorical(choices=choices):
            return f"one of {', '.join(repr(choice) for choice in choices)}"
        case Int():
            return f"a whole number from {parameter.low} to {parameter.high}"
        case Float():
            return f"a number from {parameter.low!r} to {parameter.high!r}"
        case _:
            assert_never(parameter)


def _faults(parameters: Sequence[Parameter], pointer: str) -> list[FieldError]:
    if not 1 <= len(parameters) <= MAX_PARAMETERS:
        return [
            FieldError(
                pointer=pointer,
                message=f"The space has {len(parameters)} parameters.",
                hint=f"Give 1 to {MAX_PARAMETERS}.",
            )
        ]
    faults: list[FieldError] = []
    seen: set[str] = set()
    for i, parameter in enumerate(parameters):
        here = f"{pointer}/{i}"
        if not 1 <= len(parameter.name) <= MAX_NAME:
            faults.append(
                FieldError(
                    pointer=f"{here}/name",
                    message=f"Parameter {i} is named {parameter.name!r}.",
                    hint=f"Give it a name of 1 to {MAX_NAME} characters.",
                )
            )
        elif not parameter.name.isprintable() or set(parameter.name) & set("/~{}"):
            faults.append(
                FieldError(
                    pointer=f"{here}/name",
                    message=f"Parameter {i} is named {parameter.name!r}.",
                    hint="Use printable characters other than / ~ { }.",
                )
            )
        elif parameter.name in seen:
            faults.append(
                FieldError(
                    pointer=f"{here}/name",
                    message=f"Two parameters are named {parameter.name!r}.",
                    hint="Rename one of them.",
                )
            )
        seen.add(parameter.name)
        if isinstance(parameter, Categorical):
            faults.extend(_choice_faults(parameter, here))
        elif isinstance(parameter, Float | Int):
            faults.extend(_bound_faults(parameter, here))
    return faults


def _choice_faults(parameter: Categorical, here: str) -> list[FieldError]:
    choices = parameter.choices
    if not 1 <= len(choices) <= MAX_CHOICES:
        message = f"{parameter.name!r} has {len(choices)} choices."
        hint = f"Give 1 to {MAX_CHOICES} choices."
    elif twice := [c for i, c in enumerate(choices) if any(_same(c, other) for other in choices[:i])]:
        message, hint = f"{parameter.name!r} has the choice {twice[0]!r} twice.", "Remove one of them."
    elif infinite := [c for c in choices if isinstance(c, float) and not math.isfinite(c)]:
        message, hint = f"{parameter.name!r} has the choice {infinite[0]!r}.", "Give finite numbers."
    else:
        return []
    return [FieldError(pointer=f"{here}/choices", message=message, hint=hint)]


def _bound_faults(parameter: Float | Int, here: str) -> list[FieldError]:
    faults: list[FieldError] = []
    for end in ("low", "high"):
        bound = getattr(parameter, end)
        if isinstance(parameter, Int) and abs(bound) > MAX_INTEGER:
            faults.append(
                FieldError(
                    pointer=f"{here}/{end}",
                    message=f"{parameter.name!r} has {end} = {bound}.",
                    hint="Give a whole number of at most 2^53 in size.",
                )
            )
        elif not math.isfinite(bound) or abs(bound) > 1e300:
            faults.append(
                FieldError(
                    pointer=f"{here}/{end}",
                    message=f"{parameter.name!r} has {end} = {bound!r}.",
                    hint="Give a finite number of at most 1e300 in size.",
                )
            )
    if faults:
        return faults
    if parameter.low >= parameter.high:
        faults.append(
            FieldError(
                pointer=f"{here}/low",
                message=f"{parameter.name!r} has low = {parameter.low!r} and high = {parameter.high!r}.",
                hint="Make low smaller than high.",
            )
        )
    if parameter.log and parameter.low <= 0:
        faults.append(
            FieldError(
                pointer=f"{here}/low",
                message=f"{parameter.name!r} is searched on a log scale from low = {parameter.low!r}.",
                hint="Make low positive, or drop log.",
            )
        )
    return faults
