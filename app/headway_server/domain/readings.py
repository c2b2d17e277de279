"""What results say about the present search space: those at points outside it, and those of earlier versions.

A result is kept as it came. The model reads its point by these rules:

* a value in its parameter's own terms is itself;
* a number outside its range, or between its steps, stays where it is: the model's encoding goes on beyond
  the unit cube. Not on a log scale at or below zero, nor more than `FAR` ranges away, where it tells nothing;
* a level that a categorical, ordinal or boolean parameter lacks has no place: the result is set aside;
* a parameter that the space lacks is dropped, and so is the value of one that is inactive there;
* an active parameter without a value takes the default that came with the space which introduced it; without
  one the result is set aside;
* a broken constraint changes nothing: constraints say what may be suggested, not what is so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headway.wire.base import Params, ParamValue
from headway.wire.problem import FieldError
from headway.wire.space import Boolean, Float, Int, Parameter
from headway_server.domain.errors import InvalidRequest, OutOfBounds
from headway_server.domain.parameters import coerced, range_of, to_uniform
from headway_server.domain.space import SearchSpace

FAR = 10.0
"""Numbers are read up to so many ranges of their parameter (on its scale) beyond either end."""
LARGEST = 1e300
"""A number larger than this in size is none that was measured."""


@dataclass(frozen=True)
class Reading:
    """A result's point as the model takes it."""

    params: Params | None
    """None: the result is set aside."""
    valid: bool = True
    """Whether it is a point of the space, one that could be suggested."""
    why: str = ""
    """Why it is set aside."""


@dataclass(frozen=True)
class Readings:
    """Reads the results of a study in its present search space.

    Args:
        space: the present one.
        version: its number.
        defaults: by version, the values that came with it for the results of earlier ones.
    """

    space: SearchSpace
    version: int = 1
    defaults: Mapping[int, Params] = field(default_factory=dict)

    def read(self, params: Params, version: int) -> Reading:
        """The point of a result that was asked for under a version of the space."""
        if version == self.version:
            try:
                return Reading(self.space.check(params))
            except InvalidRequest:
                pass  # outside, as run: read below
        filled = dict(params)
        for later in range(version + 1, self.version + 1):
            filled = {**self.defaults.get(later, {}), **filled}
        return self._read(filled)

    def _read(self, given: Params) -> Reading:
        values: Params = {}
        unread: dict[str, str] = {}
        for name, parameter in self.space.by_name.items():
            if name not in given:
                unread[name] = f"{name!r} has no value, and the space names no default for earlier results."
                continue
            value = placed(parameter, given[name])
            if value is None:
                unread[name] = (
                    f"{name} = {given[name]!r} has no place: the space takes {range_of(parameter)}."
                )
            else:
                values[name] = value
        active = self.space.active(values)
        if missing := [name for name in self.space.by_name if name in active and name in unread]:
            return Reading(None, valid=False, why=unread[missing[0]])
        point = {name: values[name] for name in self.space.by_name if name in active}
        try:
            self.space.check(point)
        except InvalidRequest:
            return Reading(point, valid=False)
        return Reading(point)


def placed(parameter: Parameter, value: ParamValue) -> ParamValue | None:
    """The value in the parameter's own type; a number outside its range or between its steps as it is. None
    where the model's encoding has no place for it.
    """
    within = coerced(parameter, value)
    if within is not None or not isinstance(parameter, Float | Int) or not _is_number(value):
        return within
    number = float(value)
    if parameter.log and number <= 0.0:
        return None
    return number if -FAR <= to_uniform(parameter, number) <= 1.0 + FAR else None


def as_run(space: SearchSpace, params: Params, pointer: str) -> tuple[Params, tuple[FieldError, ...]]:
    """A point at which something was measured, in the space's order, and what of it lies outside.

    Numbers, and levels that the space lacks, are taken as they are; names are not: a misspelt one would lose
    the value.

    Raises:
        UnknownParameter, MissingParameter, InactiveParameter: the point is not one of the space's parameters.
        OutOfBounds: a value that is none for the kind of parameter, such as a text for a number.
    """
    space.check_names(params, pointer)
    values: Params = {}
    outside: list[FieldError] = []
    impossible: list[FieldError] = []
    for name, given in params.items():
        parameter = space.by_name[name]
        value = coerced(parameter, given)
        if value is None:
            fault = FieldError(
                pointer=f"{pointer}/{name}",
                message=f"{name} = {given!r} is not allowed.",
                hint=f"The space takes {range_of(parameter)}.",
            )
            is_level = parameter.type in ("categorical", "ordinal") and isinstance(given, bool | str)
            is_number = not isinstance(parameter, Boolean) and _is_number(given)
            (outside if is_level or is_number else impossible).append(fault)
        values[name] = given if value is None else value
    if impossible:
        raise OutOfBounds.over(impossible)
    active = space.require_complete(values, pointer)
    outside += space.broken(values, pointer)
    return {name: values[name] for name in space.by_name if name in active}, tuple(outside)


def _is_number(value: ParamValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
