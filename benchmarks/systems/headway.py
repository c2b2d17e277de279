"""headway's engine, with any documented setting replaced for the run.

A variant is `STRATEGY` or `STRATEGY:KEY=VALUE,…`, where KEY is

* `n_initial`, a number or `ad+b` for a multiple of the number of parameters plus a constant;
* a field of the strategy's class, as `shift` and `rate` of `rucb`;
* a field of `restarts.Effort`, as `Effort.restarts`;
* a constant of an engine module, as `fits.task.COLD_UNTIL` or `models.model.REFIT_GROWTH`.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, assert_never
from unittest.mock import patch

from benchmarks.parameters import Choice, Flag, Parameter, Point, Real, Whole
from benchmarks.problems import Problem
from headway.wire.space import Boolean, Categorical, Float, Int
from headway_server.domain.space import SearchSpace
from headway_server.engine import Optimizer
from headway_server.engine import chooser as chooser_module
from headway_server.engine.search.restarts import Effort


class Headway:
    """One optimizer."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer

    def ask(self, number: int, pending: Mapping[int, Point]) -> Point:
        return dict(self._optimizer.ask(list(pending.values()), number=number).params)

    def tell(self, number: int, point: Point, value: float) -> None:
        del number
        self._optimizer.tell(point, value)


@contextmanager
def headway(variant: str, problem: Problem, seed: int) -> Iterator[Headway]:
    """An optimizer for one run; settings of modules are put back afterwards.

    Raises:
        ValueError: where a setting is not one.
    """
    strategy, _, text = variant.partition(":")
    settings = {}
    for item in text.split(",") if text else []:
        key, separator, value = item.partition("=")
        if not separator:
            raise ValueError(f"{item!r} in variant {variant!r} is not KEY=VALUE.")
        settings[key] = value
    with ExitStack() as stack:
        n_initial = _n_initial(settings.pop("n_initial", None), len(problem.parameters))
        effort = {k: settings.pop(k) for k in list(settings) if k.startswith("Effort.")}
        if effort:
            changed = _effort({k.removeprefix("Effort."): _number(v) for k, v in effort.items()})
            stack.enter_context(patch.object(chooser_module, "Effort", changed))
        for key in [k for k in settings if "." in k]:
            module_name, _, constant = key.rpartition(".")
            module = importlib.import_module(f"headway_server.engine.{module_name}")
            if not hasattr(module, constant):
                raise ValueError(f"engine.{module_name} has no constant {constant!r}.")
            stack.enter_context(patch.object(module, constant, _number(settings.pop(key))))
        space = SearchSpace.checked([_parameter(p) for p in problem.parameters])
        optimizer = Optimizer(space, strategy=strategy, seed=seed, n_initial=n_initial)
        if settings:
            held: Any = optimizer.strategy
            known = [field.name for field in fields(held)] if is_dataclass(held) else []
            if unknown := set(settings) - set(known):
                raise ValueError(
                    f"{strategy!r} has no setting {', '.join(sorted(unknown))}; it has {', '.join(known)}."
                )
            changes = {key: _number(value) for key, value in settings.items()}
            optimizer.strategy = replace(held, **changes)
        yield Headway(optimizer)


def _effort(changes: Mapping[str, Any]) -> type[Effort]:
    """`Effort` with other defaults."""
    known = {field.name: field.type for field in fields(Effort)}
    if unknown := set(changes) - set(known):
        raise ValueError(f"Effort has no field {', '.join(sorted(unknown))}; it has {', '.join(known)}.")
    types = {name: known[name] for name in changes}
    return dataclass(frozen=True)(type("Effort", (Effort,), {"__annotations__": types, **changes}))


def _n_initial(text: str | None, parameters: int) -> int | None:
    if text is None:
        return None
    if rule := re.fullmatch(r"(\d+)d\+(\d+)", text):
        return int(rule[1]) * parameters + int(rule[2])
    return int(text)


def _number(text: str) -> Any:
    return json.loads(text)


def _parameter(parameter: Parameter) -> Float | Int | Categorical | Boolean:
    match parameter:
        case Real():
            return Float(parameter.low, parameter.high, name=parameter.name)
        case Whole():
            return Int(parameter.low, parameter.high, name=parameter.name)
        case Choice():
            return Categorical(parameter.choices, name=parameter.name)
        case Flag():
            return Boolean(name=parameter.name)
    assert_never(parameter)
