"""The short form: a function becomes the objective of a study."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, ParamSpec

from headway.client import Client
from headway.evaluator import evaluator
from headway.spaces import Names, ParameterLike, define_study
from headway.studies import Study
from headway.values import Value
from headway.wire.study import Fidelity, Objective, Policy, StudyDefinition

P = ParamSpec("P")


class Measure(Generic[P]):
    """An objective with its study. Calling it calls the plain function; `work()` makes it a worker.

    Parameters that are inactive at a point are not given: they need defaults.
    A function with a parameter `trial`, which the space does not have, is given the `Trial`: for its
    `seed`, and for `report()`.
    """

    def __init__(
        self, function: Callable[P, Value], definition: StudyDefinition, connect: Callable[[], Client]
    ) -> None:
        functools.update_wrapper(self, function)
        self.definition = definition
        self._function = function
        self._connect = connect
        self._evaluate = evaluator(function, definition)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Value:
        return self._function(*args, **kwargs)

    @functools.cached_property
    def study(self) -> Study:
        """The study, created or joined at the first use."""
        return self._connect().define(self.definition)

    def work(self, worker: str | None = None, lease_s: float | None = None) -> int:
        """Work until the study is done; how many trials this worker finished with a value.

        An exception in the function is reported as a failed trial, and the work goes on.

        Raises:
            what `Study.trials` raises.
        """
        finished = 0
        for trial in self.study.trials(worker, lease_s):
            with trial:
                trial.finish(self._evaluate(trial))
            finished += trial.outcome == "completed"
        return finished


def study(
    name: str,
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
    client: Client | None = None,
    url: str | None = None,
    api_key: str | None = None,
    space: Mapping[str, ParameterLike] | None = None,
    **parameters: ParameterLike,
) -> Callable[[Callable[P, Value]], Measure[P]]:
    """Make a function the objective of a study; every keyword that is no option is a parameter.

    A parameter that is named like an option (`budget`, `seed`, …) goes into `space`. The function
    returns a value, (value, std_error) or {name: value}, or raises `headway.Infeasible`.

    The options of the definition are those of `Client.create_study`. The client is `client`, or one made
    of `url` and `api_key`, or of the environment. `space` holds parameters besides the keywords.

    Raises:
        TypeError: the function does not take the study's parameters.
        ValueError, ValidationFailed: the definition is not valid.
    """
    if twice := sorted(parameters.keys() & (space or {}).keys()):
        raise ValueError(f"{', '.join(twice)}: given both in `space` and as a keyword. Say it once.")
    definition = define_study(
        name,
        {**(space or {}), **parameters},
        maximize=maximize,
        minimize=minimize,
        constraints=constraints,
        objectives=objectives,
        outcome_constraints=outcome_constraints,
        fidelity=fidelity,
        budget=budget,
        strategy=strategy,
        seed=seed,
        n_initial=n_initial,
        policy=policy,
        notes=notes,
    )

    def connect() -> Client:
        return client or Client(url, api_key)

    def decorate(function: Callable[P, Value]) -> Measure[P]:
        return Measure(function, definition, connect)

    return decorate
