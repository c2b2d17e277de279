"""From what users write to what travels: search spaces and study definitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from headway.errors import ValidationFailed
from headway.wire.base import ParamValue
from headway.wire.space import Boolean, Categorical, Float, Int, Ordinal, Parameter, Space
from headway.wire.study import Objective, Policy, StudyDefinition

Choices = list[str] | list[int] | list[float] | list[bool] | list[ParamValue]
"""A list, never a tuple: (0, 1) could as well mean a range."""

ParameterLike = Float | Int | Ordinal | Categorical | Boolean | Choices | type[bool]
"""A parameter, a list of choices, or `bool`."""


def define_study(
    name: str,
    space: Mapping[str, ParameterLike],
    *,
    maximize: str | None = None,
    minimize: str | None = None,
    constraints: Sequence[str] = (),
    budget: int | None = None,
    strategy: str | None = None,
    seed: int = 0,
    n_initial: int | None = None,
    policy: Policy | None = None,
    notes: str = "",
) -> StudyDefinition:
    """The definition of a study with one objective; with neither goal, `value` is minimised.

    Raises:
        ValueError: both goals.
        TypeError: a parameter that is neither a parameter nor a list of choices.
        ValidationFailed: a value that the definition can't hold; every field is named.
    """
    if maximize is not None and minimize is not None:
        raise ValueError(f"Maximise {maximize!r} or minimise {minimize!r}, not both: say one.")
    parameters = tuple(parameter(key, one) for key, one in space.items())
    options: dict[str, Any] = {
        "budget": budget,
        "strategy": strategy,
        "n_initial": n_initial,
        "policy": policy,
        "notes": notes or None,
    }
    try:
        if maximize is not None:
            objective = Objective(name=maximize, goal="maximize")
        else:
            objective = Objective(name=minimize or "value", goal="minimize")
        return StudyDefinition(
            name=name,
            space=Space(parameters=parameters, constraints=tuple(constraints))
            if constraints
            else Space(parameters=parameters),
            objectives=(objective,),
            seed=seed,
            **{key: one for key, one in options.items() if one is not None},
        )
    except ValidationError as error:
        raise ValidationFailed.before_sending("The study's definition", error) from error


def parameter(name: str, like: ParameterLike) -> Parameter:
    """The parameter of this name.

    Raises:
        TypeError: neither a parameter, nor a list of choices, nor `bool`.
        ValueError: a parameter that was given another name.
    """
    match like:
        case Float() | Int() | Ordinal() | Categorical() | Boolean():
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
