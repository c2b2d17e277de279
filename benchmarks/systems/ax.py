"""Ax's Client with its default generation strategy; it keeps account of trials in flight by itself.

Its start is allowed to be as long as the workers need: otherwise it refuses more trials than the start holds
until results are in.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any, assert_never

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from benchmarks.parameters import Choice, Flag, Parameter, Point, Real, Whole
from benchmarks.problems import Problem


class Ax:
    """One experiment in memory."""

    def __init__(self, problem: Problem, seed: int) -> None:
        logging.getLogger("ax").setLevel(logging.ERROR)
        warnings.simplefilter("ignore")
        self._client = Client(random_seed=seed)
        self._client.configure_experiment(parameters=[_config(p) for p in problem.parameters])
        self._client.configure_optimization(objective="-loss")
        self._client.configure_generation_strategy(
            initialization_random_seed=seed, allow_exceeding_initialization_budget=True
        )
        self._trials: dict[int, int] = {}

    def ask(self, number: int, pending: Mapping[int, Point]) -> Point:
        del pending
        ((trial, point),) = self._client.get_next_trials(max_trials=1).items()
        self._trials[number] = trial
        return dict(point)

    def tell(self, number: int, point: Point, value: float) -> None:
        del point
        self._client.complete_trial(self._trials[number], raw_data={"loss": value})

    def records(self) -> Mapping[int, tuple[Point, float]]:
        """What the experiment holds under the trials that were handed out."""
        rows = {int(row["trial_index"]): row for _, row in self._client.summarize().iterrows()}
        experiment = self._client._experiment  # noqa: SLF001 (the summary has no exact parameters)
        return {
            number: (dict(experiment.trials[trial].arm.parameters), float(rows[trial]["loss"]))
            for number, trial in self._trials.items()
        }


def _config(parameter: Parameter) -> Any:
    match parameter:
        case Real():
            return RangeParameterConfig(
                name=parameter.name, bounds=(parameter.low, parameter.high), parameter_type="float"
            )
        case Whole():
            return RangeParameterConfig(
                name=parameter.name, bounds=(parameter.low, parameter.high), parameter_type="int"
            )
        case Choice():
            return ChoiceParameterConfig(
                name=parameter.name, values=list(parameter.choices), parameter_type="str", is_ordered=False
            )
        case Flag():
            return ChoiceParameterConfig(name=parameter.name, values=[False, True], parameter_type="bool")
    assert_never(parameter)
