"""Optuna's GPSampler and TPESampler with their defaults, through ask and tell.

Trials stay running until they are told, so that both samplers see what is in flight as they would with
parallel workers.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, assert_never

import optuna

from benchmarks.parameters import Choice, Flag, Parameter, Point, Real, Whole
from benchmarks.problems import Problem


class Optuna:
    """One study in memory."""

    def __init__(self, name: str, problem: Problem, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = (
            optuna.samplers.GPSampler(seed=seed)
            if name == "optuna-gp"
            else optuna.samplers.TPESampler(seed=seed)
        )
        self._study = optuna.create_study(direction="minimize", sampler=sampler)
        self._distributions = {p.name: _distribution(p) for p in problem.parameters}
        self._trials: dict[int, Any] = {}

    def ask(self, number: int, pending: Mapping[int, Point]) -> Point:
        del pending
        self._trials[number] = trial = self._study.ask(self._distributions)
        return dict(trial.params)

    def tell(self, number: int, point: Point, value: float) -> None:
        del point
        self._study.tell(self._trials[number], value)

    def records(self) -> Mapping[int, tuple[Point, float]]:
        """What the study holds under the trials that were asked for."""
        held = {trial.number: trial for trial in self._study.get_trials()}
        return {
            number: (held[trial.number].params, held[trial.number].value)
            for number, trial in self._trials.items()
        }


def _distribution(parameter: Parameter) -> Any:
    match parameter:
        case Real():
            return optuna.distributions.FloatDistribution(parameter.low, parameter.high)
        case Whole():
            return optuna.distributions.IntDistribution(parameter.low, parameter.high)
        case Choice():
            return optuna.distributions.CategoricalDistribution(parameter.choices)
        case Flag():
            return optuna.distributions.CategoricalDistribution((False, True))
    assert_never(parameter)
