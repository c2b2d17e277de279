"""What a search space must obey to make sense, parameter by parameter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from headway.wire.base import ParamValue
from headway.wire.problem import FieldError
from headway.wire.space import Categorical, Declared, Float, Int, Ordinal, Parameter, Simplex, When, scalars
from headway_server.domain.parameters import coerced, range_of, same

MAX_PARAMETERS = 200
MAX_CHOICES = 1_000
MAX_NAME = 64
MAX_INTEGER = 2**53
MAX_STEPS = 10_000_000


def faults(declared: Sequence[Declared], pointer: str) -> list[FieldError]:
    """Everything that is wrong, field by field, each with its value and the remedy."""
    parameters = scalars(declared)
    if not declared or len(parameters) > MAX_PARAMETERS:
        return [
            FieldError(
                pointer=pointer,
                message=f"The space has {len(parameters)} parameters.",
                hint=f"Give 1 to {MAX_PARAMETERS}.",
            )
        ]
    found: list[FieldError] = []
    seen: set[str] = set()
    for i, parameter in enumerate(declared):
        here = f"{pointer}/{i}"
        found.extend(_name_faults(parameter.name, f"Parameter {i}", seen, f"{here}/name"))
        seen.add(parameter.name)
        if isinstance(parameter, Simplex):
            found.extend(_component_faults(parameter, seen, here))
        elif isinstance(parameter, Categorical):
            found.extend(_level_faults(parameter.name, parameter.choices, "choices", here))
        elif isinstance(parameter, Ordinal):
            found.extend(_level_faults(parameter.name, parameter.values, "values", here))
        elif isinstance(parameter, Float | Int):
            found.extend(_bound_faults(parameter, here))
    return found or list(_condition_faults(declared, parameters, pointer))


def _component_faults(simplex: Simplex, seen: set[str], here: str) -> Iterator[FieldError]:
    if len(simplex.components) < 2:
        yield FieldError(
            pointer=f"{here}/components",
            message=f"{simplex.name!r} has the components {list(simplex.components)}.",
            hint="Name at least two: one share alone is always the whole.",
        )
    for j, name in enumerate(simplex.components):
        what = f"Component {j} of {simplex.name!r}"
        yield from _name_faults(name, what, seen, f"{here}/components/{j}")
        seen.add(name)


def _name_faults(name: str, what: str, seen: set[str], here: str) -> Iterator[FieldError]:
    message = f"{what} is named {name!r}."
    if not 1 <= len(name) <= MAX_NAME:
        hint = f"Give it a name of 1 to {MAX_NAME} characters."
    elif not name.isprintable() or set(name) & set("/~{}`"):
        hint = "Use printable characters other than / ~ { } `."
    elif name in seen:
        message, hint = f"Two parameters are named {name!r}.", "Rename one of them."
    else:
        return
    yield FieldError(pointer=here, message=message, hint=hint)


def _level_faults(name: str, levels: tuple[ParamValue, ...], kind: str, here: str) -> Iterator[FieldError]:
    if not 1 <= len(levels) <= MAX_CHOICES:
        message, hint = f"{name!r} has {len(levels)} {kind}.", f"Give 1 to {MAX_CHOICES} {kind}."
    elif twice := [c for i, c in enumerate(levels) if any(same(c, other) for other in levels[:i])]:
        message, hint = f"{name!r} has {twice[0]!r} twice among its {kind}.", "Remove one of them."
    elif infinite := [c for c in levels if isinstance(c, float) and not math.isfinite(c)]:
        message, hint = f"{name!r} has {infinite[0]!r} among its {kind}.", "Give finite numbers."
    elif kind == "values" and (flags := [c for c in levels if isinstance(c, bool)]):
        message, hint = (
            f"{name!r} has {flags[0]!r} among its values.",
            "Give numbers or strings, or use Boolean.",
        )
    else:
        return
    yield FieldError(pointer=f"{here}/{kind}", message=message, hint=hint)


def _bound_faults(parameter: Float | Int, here: str) -> list[FieldError]:
    found: list[FieldError] = []
    for end in ("low", "high"):
        bound = getattr(parameter, end)
        if isinstance(parameter, Int) and abs(bound) > MAX_INTEGER:
            found.append(
                FieldError(
                    pointer=f"{here}/{end}",
                    message=f"{parameter.name!r} has {end} = {bound}.",
                    hint="Give a whole number of at most 2^53 in size.",
                )
            )
        elif not math.isfinite(bound) or abs(bound) > 1e300:
            found.append(
                FieldError(
                    pointer=f"{here}/{end}",
                    message=f"{parameter.name!r} has {end} = {bound!r}.",
                    hint="Give a finite number of at most 1e300 in size.",
                )
            )
    if found:
        return found
    if parameter.low >= parameter.high:
        found.append(
            FieldError(
                pointer=f"{here}/low",
                message=f"{parameter.name!r} has low = {parameter.low!r} and high = {parameter.high!r}.",
                hint="Make low smaller than high.",
            )
        )
    if parameter.log and parameter.low <= 0:
        found.append(
            FieldError(
                pointer=f"{here}/low",
                message=f"{parameter.name!r} is searched on a log scale from low = {parameter.low!r}.",
                hint="Make low positive, or drop log.",
            )
        )
    return found or list(_step_faults(parameter, here))


def _step_faults(parameter: Float | Int, here: str) -> Iterator[FieldError]:
    step, span = parameter.step, parameter.high - parameter.low
    if step is None:
        return
    if parameter.log:
        hint = "Drop log or step: steps are even on a plain scale."
    elif not 0 < step <= span:
        hint = f"Give a step above 0 and up to high - low = {span!r}."
    elif span / step >= MAX_STEPS:
        hint = f"Give at most {MAX_STEPS} steps, or drop step."
    else:
        return
    yield FieldError(pointer=f"{here}/step", message=f"{parameter.name!r} has step = {step!r}.", hint=hint)


def _condition_faults(
    declared: Sequence[Declared], parameters: Sequence[Parameter], pointer: str
) -> Iterator[FieldError]:
    by_name = {parameter.name: parameter for parameter in parameters}
    for i, parameter in enumerate(declared):
        if isinstance(parameter, Simplex) or parameter.when is None:
            continue
        here = f"{pointer}/{i}/when"
        parent = by_name.get(parameter.when.parent)
        if parent is None:
            yield FieldError(
                pointer=f"{here}/parent",
                message=f"{parameter.name!r} depends on {parameter.when.parent!r}, which the space lacks.",
                hint=f"Name one of {', '.join(by_name)}.",
            )
        elif isinstance(parent, Float):
            yield FieldError(
                pointer=f"{here}/parent",
                message=f"{parameter.name!r} depends on {parent.name!r}, a float.",
                hint="Let it depend on a categorical, boolean, ordinal or int parameter.",
            )
        elif _depends_on_itself(parameter, by_name):
            yield FieldError(
                pointer=f"{here}/parent",
                message=f"{parameter.name!r} depends on itself, by way of {parent.name!r}.",
                hint="Break the cycle.",
            )
        else:
            yield from _value_faults(parameter.name, parameter.when, parent, here)


def _depends_on_itself(parameter: Parameter, by_name: dict[str, Parameter]) -> bool:
    seen: set[str] = set()
    link: Parameter | None = parameter
    while link is not None and link.when is not None and link.name not in seen:
        seen.add(link.name)
        link = by_name.get(link.when.parent)
    return link is not None and link.name in seen


def _value_faults(name: str, when: When, parent: Parameter, here: str) -> Iterator[FieldError]:
    if not when.equals:
        yield FieldError(
            pointer=f"{here}/equals",
            message=f"{name!r} is never active: there is no value of {parent.name!r}.",
            hint=f"Give {range_of(parent)}.",
        )
    for value in when.equals:
        if coerced(parent, value) is None:
            yield FieldError(
                pointer=f"{here}/equals",
                message=f"{name!r} depends on {parent.name} = {value!r}, which is not allowed.",
                hint=f"Give {range_of(parent)}.",
            )
