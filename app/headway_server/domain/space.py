"""The search space: its rules, and its maps to and from the unit cube.

A point has two encodings. The *model's* has one coordinate in [0, 1] per number or boolean and one per
choice of a categorical parameter (one-hot), so that distances mean something to a kernel. The
*sampler's* has exactly one uniform number per parameter, so that a low-discrepancy sequence stays one.

A parameter whose condition does not hold is inactive: a point has no value for it, and its coordinates
of the model's encoding hold one imputed value, the same for all points, so that they carry no
information. Both maps into the space give valid points but for its constraints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from headway.wire.base import Params, ParamValue
from headway.wire.problem import FieldError
from headway.wire.space import Boolean, Categorical, Declared, Parameter, Simplex, Space, scalars
from headway_server.domain.constraints import LinearConstraint, read_constraints, sum_to_one
from headway_server.domain.errors import (
    ConstraintViolated,
    InactiveParameter,
    InvalidSpace,
    MissingParameter,
    OutOfBounds,
    UnknownParameter,
)
from headway_server.domain.parameters import coerced, from_uniform, range_of, same, to_uniform
from headway_server.domain.space_rules import MAX_CHOICES, MAX_PARAMETERS, faults

__all__ = ["MAX_CHOICES", "MAX_PARAMETERS", "Block", "SearchSpace"]

IMPUTED = 0.5
"""Where an inactive number or boolean lies in the model's unit cube; an inactive one-hot block holds
1/width everywhere."""


@dataclass(frozen=True)
class Block:
    """The coordinates [start, start + width) of the model's unit cube that encode one parameter."""

    parameter: Parameter
    start: int
    width: int

    @property
    def imputed(self) -> float:
        """What each coordinate holds where the parameter is inactive."""
        return 1.0 / self.width if isinstance(self.parameter, Categorical) else IMPUTED


@dataclass(frozen=True)
class SearchSpace:
    """Parameters in order, and constraints, those of simplexes among them. Build with `SearchSpace.checked`
    or `from_wire`, which refuse a space that makes no sense.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[LinearConstraint, ...] = ()
    simplexes: tuple[Simplex, ...] = ()
    """Which of the parameters are components of which simplex."""

    @classmethod
    def checked(
        cls,
        parameters: Sequence[Declared],
        pointer: str = "/space/parameters",
        constraints: Sequence[str] = (),
    ) -> SearchSpace:
        """A space that can be searched, but for constraints that no point may satisfy: see
        `feasibility.require_feasible`.

        Raises:
            InvalidSpace: naming every field that is wrong, its value and the remedy.
        """
        if wrong := faults(parameters, pointer):
            raise InvalidSpace.over(wrong)
        flat = scalars(parameters)
        read, wrong = read_constraints(constraints, flat, "/space/constraints")
        if wrong:
            raise InvalidSpace.over(wrong)
        simplexes = tuple(one for one in parameters if isinstance(one, Simplex))
        return cls(flat, read + tuple(sum_to_one(one.components) for one in simplexes), simplexes)

    @classmethod
    def from_wire(cls, space: Space) -> SearchSpace:
        """The space of a study's definition, checked."""
        return cls.checked(space.parameters, constraints=space.constraints)

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

    @cached_property
    def by_name(self) -> Mapping[str, Parameter]:
        """The parameters by name."""
        return {parameter.name: parameter for parameter in self.parameters}

    @cached_property
    def separate_simplexes(self) -> tuple[Simplex, ...]:
        """The simplexes that are bound by their own constraint alone: any shares of theirs will do."""
        named = [name for one in self.constraints for name in one.coefficients]
        return tuple(one for one in self.simplexes if all(named.count(name) == 1 for name in one.components))

    @cached_property
    def conditional(self) -> tuple[Parameter, ...]:
        """The parameters with a condition, each after the one that it depends on."""
        ordered: list[Parameter] = []
        waiting = [parameter for parameter in self.parameters if parameter.when is not None]
        while waiting:
            names = {parameter.name for parameter in waiting}
            ready = [p for p in waiting if p.when is not None and p.when.parent not in names]
            ordered.extend(ready)
            waiting = [parameter for parameter in waiting if parameter not in ready]
        return tuple(ordered)

    def check(self, params: Params, pointer: str = "/params") -> Params:
        """The point with every value in its parameter's own type, in the space's order.

        Raises:
            UnknownParameter, MissingParameter, InactiveParameter, OutOfBounds, ConstraintViolated:
                naming the field, the value and the remedy.
        """
        self.check_names(params, pointer)
        values = self.check_values(params, pointer)
        active = self.require_complete(values, pointer)
        if broken := self.broken(values, pointer):
            raise ConstraintViolated.over(broken)
        return {name: values[name] for name in self.by_name if name in active}

    def require_complete(self, values: Params, pointer: str) -> set[str]:
        """The names of the active parameters, which are those that have values.

        Raises:
            MissingParameter, InactiveParameter.
        """
        active = self.active(values)
        if missing := [name for name in self.by_name if name in active and name not in values]:
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
        if idle := [parameter for parameter in self.parameters if parameter.name in values.keys() - active]:
            raise InactiveParameter.over([_inactive(parameter, pointer) for parameter in idle])
        return active

    def broken(self, values: Params, pointer: str) -> list[FieldError]:
        """The constraints that values do not satisfy."""
        return [
            FieldError(
                pointer=pointer,
                message=f"The point breaks the constraint {constraint.text!r}: "
                + ", ".join(f"{name} = {values[name]!r}" for name in constraint.coefficients)
                + ".",
                hint="Give a point that satisfies every constraint of the space.",
            )
            for constraint in self.constraints
            if not constraint.holds(values)
        ]

    def check_names(self, params: Params, pointer: str) -> None:
        """Refuse names that the space lacks.

        Raises:
            UnknownParameter.
        """
        if unknown := [name for name in params if name not in self.by_name]:
            raise UnknownParameter.over(
                [
                    FieldError(
                        pointer=f"{pointer}/{name}",
                        message=f"There is no parameter {name!r}.",
                        hint=f"The space has: {', '.join(self.by_name)}.",
                    )
                    for name in unknown
                ]
            )

    def check_values(self, params: Params, pointer: str) -> Params:
        """The values in their parameters' own types; the names are known to be the space's.

        Raises:
            OutOfBounds.
        """
        wrong: list[FieldError] = []
        values: Params = {}
        for name, given in params.items():
            parameter = self.by_name[name]
            value = coerced(parameter, given)
            if value is None:
                message = f"{name} = {given!r} is not allowed."
                hint = f"Give {range_of(parameter)}."
                wrong.append(FieldError(pointer=f"{pointer}/{name}", message=message, hint=hint))
            else:
                values[name] = value
        if wrong:
            raise OutOfBounds.over(wrong)
        return values

    def active(self, values: Params) -> set[str]:
        """The names of the parameters that are active where the others have these values."""
        active = {parameter.name for parameter in self.parameters if parameter.when is None}
        for parameter in self.conditional:
            when = parameter.when
            if when is None or when.parent not in active or when.parent not in values:
                continue
            if any(same(one, values[when.parent]) for one in when.equals):
                active.add(parameter.name)
        return active

    def holds(self, params: Params) -> bool:
        """Whether a point satisfies the constraints."""
        return all(constraint.holds(params) for constraint in self.constraints)

    def to_unit(self, params: Params) -> list[float]:
        """The model's encoding of a checked point: `dimension` numbers in [0, 1]; of one that was read as
        data (see `domain.readings`), also beyond.
        """
        unit: list[float] = []
        for block in self.blocks:
            parameter = block.parameter
            if parameter.name not in params:
                unit.extend([block.imputed] * block.width)
            elif isinstance(parameter, Categorical):
                value = params[parameter.name]
                unit.extend(float(same(choice, value)) for choice in parameter.choices)
            elif isinstance(parameter, Boolean):
                unit.append(float(params[parameter.name]))
            else:
                unit.append(to_uniform(parameter, params[parameter.name]))
        return unit

    def from_unit(self, unit: Sequence[float]) -> Params:
        """The nearest point, but for constraints, to a vector of the model's unit cube (`dimension`
        numbers).
        """
        values: Params = {}
        for block in self.blocks:
            coordinates = unit[block.start : block.start + block.width]
            parameter = block.parameter
            if isinstance(parameter, Categorical):
                largest = max(range(block.width), key=coordinates.__getitem__)
                values[parameter.name] = parameter.choices[largest]
            else:
                values[parameter.name] = from_uniform(parameter, coordinates[0])
        return self.without_inactive(values)

    def from_uniform(self, sample: Sequence[float]) -> Params:
        """The point, but for constraints, that one uniform number in [0, 1) per parameter stands for (the
        sampler's encoding). Every parameter has its number; those of inactive ones are not used.
        """
        return self.without_inactive(
            {
                parameter.name: from_uniform(parameter, u)
                for parameter, u in zip(self.parameters, sample, strict=True)
            }
        )

    def without_inactive(self, values: Params) -> Params:
        """The point that values of all parameters stand for: those of inactive ones are dropped."""
        if not self.conditional:
            return values
        active = self.active(values)
        return {name: value for name, value in values.items() if name in active}


def _inactive(parameter: Parameter, pointer: str) -> FieldError:
    when = parameter.when
    if when is None:
        raise AssertionError(f"{parameter.name} is always active")
    return FieldError(
        pointer=f"{pointer}/{parameter.name}",
        message=f"{parameter.name!r} has a value but is inactive at this point.",
        hint=f"Leave it out, or see to it that {condition(when.parent, when.equals)}.",
    )


def condition(parent: str, equals: Sequence[ParamValue]) -> str:
    """In words: what a parameter waits for."""
    return f"{parent} is {' or '.join(repr(value) for value in equals)}"
