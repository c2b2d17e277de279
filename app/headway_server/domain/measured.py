"""What was measured, checked against the study that it belongs to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from headway.wire.base import Params
from headway.wire.measured import MeasuredValue
from headway.wire.problem import FieldError
from headway.wire.trial import Outcome
from headway_server.domain.errors import NotFinite, ValidationFailed
from headway_server.domain.study import Study


@dataclass(frozen=True)
class Measured:
    """A result's numbers, checked against the study: finite, named after its objective, in its space."""

    metrics: dict[str, MeasuredValue]
    value: float | None
    std_error: float | None
    params: Params
    params_as_run: Params | None
    outside: tuple[str, ...] = ()
    """What of the point as run lies outside the space, in words."""


def measured_metrics(
    study: Study,
    outcome: Outcome,
    given: Mapping[str, float | MeasuredValue],
    params: Params,
    params_as_run: Params | None = None,
    *,
    outside: tuple[str, ...] = (),
) -> Measured:
    """What was measured at a checked point, checked.

    Raises:
        NotFinite, ValidationFailed.
    """
    metrics = checked_metrics(given)
    if outcome == "completed" and (missing := [name for name in study.goals.metrics if name not in metrics]):
        raise ValidationFailed.over([_missing(study, name, list(metrics)) for name in missing])
    measured = metrics.get(study.objective.name) if outcome == "completed" else None
    return Measured(
        metrics=metrics,
        value=measured.value if measured else None,
        std_error=measured.std_error if measured else None,
        params=params,
        params_as_run=params_as_run,
        outside=outside,
    )


def checked_metrics(given: Mapping[str, float | MeasuredValue]) -> dict[str, MeasuredValue]:
    """Metrics with or without a standard error, each as a measured value.

    Raises:
        NotFinite: naming each that is no number.
    """
    metrics = {
        name: metric if isinstance(metric, MeasuredValue) else MeasuredValue(value=metric)
        for name, metric in given.items()
    }
    if wrong := [fault for name, metric in metrics.items() for fault in _not_finite(name, metric)]:
        raise NotFinite.over(wrong)
    return metrics


def _missing(study: Study, name: str, sent: list[str]) -> FieldError:
    objectives = [objective.name for objective in study.goals.objectives]
    part = "the objective" if name in objectives else "the constrained metric"
    got = f"the metrics are {', '.join(sent)}" if sent else "there are no metrics"
    return FieldError(
        pointer=f"/metrics/{name}",
        message=f"A completed trial needs {part} {name!r}; {got}.",
        hint="Send it, or another outcome (infeasible, failed).",
    )


def _not_finite(name: str, metric: MeasuredValue) -> list[FieldError]:
    return [
        FieldError(
            pointer=f"/metrics/{name}",
            message=f"{name} has {part} = {number!r}.",
            hint="Send a finite number, or outcome `infeasible` or `failed` without it.",
        )
        for part, number in (("value", metric.value), ("std_error", metric.std_error))
        if number is not None and not math.isfinite(number)
    ]
