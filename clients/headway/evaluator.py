"""A plain function at the point of a trial."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from headway.trials import Trial
from headway.values import Value
from headway.wire.study import StudyDefinition


def evaluator(function: Callable[..., Value], definition: StudyDefinition) -> Callable[[Trial], Value]:
    """The function at a trial's point; one with a parameter `trial`, which the space lacks, gets that too.

    Raises:
        TypeError: it does not take the study's parameters.
    """
    takes_trial = _check_signature(function, definition)

    def evaluate(trial: Trial) -> Value:
        keywords: dict[str, Any] = dict(trial.params)
        if takes_trial:
            keywords["trial"] = trial
        return function(**keywords)

    return evaluate


def _check_signature(function: Callable[..., Any], definition: StudyDefinition) -> bool:
    """Whether the function takes the trial too.

    Raises:
        TypeError: it does not take the study's parameters, or needs one that a point may lack.
    """
    parameters = definition.space.scalars
    names = [parameter.name for parameter in parameters]
    signature = inspect.signature(function)
    takes_trial = "trial" in signature.parameters and "trial" not in names
    always = [parameter.name for parameter in parameters if parameter.when is None]
    for given, hint in (
        (names, ""),
        (always, " Give the parameters that are not always active a default."),
    ):
        try:
            signature.bind(**dict.fromkeys([*given, "trial"] if takes_trial else given))
        except TypeError as error:
            raise TypeError(
                f"{getattr(function, '__name__', 'the objective')}{signature} can't be called with the "
                f"study's parameters {', '.join(given)}: {error}.{hint}"
            ) from error
    return takes_trial
