"""From what users write to what travels: search spaces and study definitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from headway.errors import ValidationFailed
from headway.wire.base import ParamValue
from headway.wire.space import Boolean, Categorical, Declared, Float, Int, Ordinal, Simplex, Space
from headway.wire.study import Fidelity, Objective, Policy, StudyDefinition

Choices = list[str] | list[int] | list[float] | list[bool] | list[ParamValue]
"""A list, never a tuple: (0, 1) could as well mean a range."""

ParameterLike = Float | Int | Ordinal | Categorical | Boolean | Simplex | Choices | type[bool]
"""A parameter, a list of choices, or `bool`."""

Names = str | Sequence[str] | None
"""One objective's name, or several."""


def define_study(
    name: str,
    space: Mapping[str, ParameterLike],
    *,
    maximize: Names = None,
    minimize: Names = None,
    constraints: Sequence[str] = (),
    objectives: Sequence[Objective] | None = None,
    outcome_constraints: Sequence[str] = (),
    fidelity: Fidelity | str | None = None,
    budget: int | None = None,
    strategy: str | None = None,
    seed: int = 0,
    n_initial: int | None = None,
    policy: Policy | None = None,
    notes: str = "",
) -> StudyDefinition:
    """The definition of a study; with no objective named, `value` is minimised.

    Raises:
        ValueError: an objective is to be both maximised and minimised, or is named in two ways.
        TypeError: a parameter that is neither a parameter nor a list of choices.
        ValidationFailed: a value that the definition can't hold; every field is named.
    """
    options: dict[str, Any] = {
        "budget": budget,
        "strategy": strategy,
        "n_initial": n_initial,
        "policy": policy,
        "notes": notes or None,
        "outcome_constraints": tuple(outcome_constraints) or None,
    }
    try:
        if fidelity is not None:
            options["fidelity"] = Fidelity(parameter=fidelity) if isinstance(fidelity, str) else fidelity
        return StudyDefinition(
            name=name,
            space=space_of(space, constraints),
            objectives=_objectives(maximize, minimize, objectives),
            seed=seed,
            **{key: one for key, one in options.items() if one is not None},
        )
    except ValidationError as error:
        raise ValidationFailed.before_sending("The study's definition", error) from error


def space_of(space: Mapping[str, ParameterLike], constraints: Sequence[str] = ()) -> Space:
    """The search space of these parameters.

    Raises:
        TypeError, ValueError: see `parameter`.
        pydantic.ValidationError: a value that a space can't hold.
    """
    parameters = tuple(parameter(key, one) for key, one in space.items())
    if constraints:
        return Space(parameters=parameters, constraints=tuple(constraints))
    return Space(parameters=parameters)


def _objectives(
    maximize: Names, minimize: Names, objectives: Sequence[Objective] | None
) -> tuple[Objective, ...]:
    """Objectives in order: those given whole, or those to be maximised and then those to be minimised."""
    up, down = _names(maximize), _names(minimize)
    if objectives is not None:
        if up or down:
            raise ValueError(
                f"Name {', '.join([*up, *down])} in `objectives` or by its goal, not both ways: say one."
            )
        return tuple(objectives)
    if both := [name for name in up if name in down]:
        raise ValueError(f"Maximise {both[0]!r} or minimise it, not both: say one.")
    if not up and not down:
        return (Objective(),)
    return (
        *(Objective(name=name, goal="maximize") for name in up),
        *(Objective(name=name, goal="minimize") for name in down),
    )


def _names(names: Names) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


def parameter(name: str, like: ParameterLike) -> Declared:
    """The parameter of this name.

    Raises:
        TypeError: neither a parameter, nor a list of choices, nor `bool`.
        ValueError: a parameter that was given another name.
    """
    match like:
        case Float() | Int() | Ordinal() | Categorical() | Boolean() | Simplex():
            if like.name not in ("", name):
                raise ValueError(f"The parameter {name!r} was named {like.name!r}. Leave its own name out.")
            return dataclasses.replace(like, name=name)
        case list():
            return Categorical(tuple(like), name=name)
    if like is bool:
        return Boolean(name=name)
    raise TypeError(
        f"The parameter {name!r} is {like!r}. Say headway.Float(low, high), headway.Int(low, high), "
        "a list of choices, or bool."
    )
