"""A worker reports: the result is durable before the answer goes out, and no model work is done."""

from __future__ import annotations

import math
from collections.abc import Mapping

from headway.wire.base import Params
from headway.wire.problem import FieldError
from headway.wire.trial import FinishRequest, FinishResponse, MeasuredValue, Outcome, StudyProgress
from headway_server.domain.errors import NotFinite, ValidationFailed
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study
from headway_server.domain.trial import Measured, Trial
from headway_server.services.leases import complete_if_spent
from headway_server.services.standing import improves
from headway_server.storage.database import Database, UnitOfWork


def finish(database: Database, name: str, number: int, result: FinishRequest) -> FinishResponse:
    """Take the result of one attempt.

    Raises:
        NotFound: no such study or trial.
        ValidationFailed, NotFinite, UnknownParameter, MissingParameter, OutOfBounds: the result can't
            be understood; nothing was changed.
        UnknownLease, IllegalTransition: the token is not the trial's, or its attempt has reported
            something else.
    """

    def work(uow: UnitOfWork) -> FinishResponse:
        study = uow.studies.lock(name)
        trial = uow.trials.get(study, number)
        measured = _measured(study, trial, result)
        improving = result.outcome == "completed" and improves(uow, study, measured)
        accepted = trial.finish(result, measured, study.policy, study.last_seq + 1, uow.now)
        best_changed = False
        if accepted.observed:
            uow.events.record(
                study,
                f"trial.{result.outcome}",
                uow.now,
                trial=number,
                value=measured.value,
                late=accepted.late,
                superseded=accepted.superseded,
            )
            best_changed = improving and not accepted.superseded
            if best_changed:
                uow.events.record(study, "best.improved", uow.now, trial=number, value=measured.value)
            complete_if_spent(uow, study)
        elif not accepted.duplicate and not accepted.late:
            uow.events.record(study, "trial.released", uow.now, trial=number)
        uow.session.flush()
        counts = uow.trials.counts(study)
        return FinishResponse(
            late=accepted.late,
            superseded=accepted.superseded,
            duplicate=accepted.duplicate,
            best_changed=best_changed,
            trial_state=trial.state,
            study=StudyProgress(
                state=study.state,
                completed=counts.completed,
                leased=counts.leased,
                budget_left=study.budget_left,
            ),
        )

    return database.write(work)


def _measured(study: Study, trial: Trial, result: FinishRequest) -> Measured:
    """The result's numbers, checked.

    Raises:
        NotFinite, ValidationFailed, UnknownParameter, MissingParameter, OutOfBounds.
    """
    as_run = None
    if result.params_as_run is not None:
        as_run = SearchSpace.from_wire(study.definition.space).check(result.params_as_run, "/params_as_run")
    point = as_run or trial.params or {}
    return measured_metrics(study, result.outcome, result.metrics, point, as_run)


def measured_metrics(
    study: Study,
    outcome: Outcome,
    given: Mapping[str, float | MeasuredValue],
    params: Params,
    params_as_run: Params | None = None,
) -> Measured:
    """What was measured at a checked point, checked.

    Raises:
        NotFinite, ValidationFailed.
    """
    metrics = {
        name: metric if isinstance(metric, MeasuredValue) else MeasuredValue(value=metric)
        for name, metric in given.items()
    }
    if wrong := [fault for name, metric in metrics.items() for fault in _not_finite(name, metric)]:
        raise NotFinite.over(wrong)
    if outcome == "completed" and (missing := [name for name in study.goals.metrics if name not in metrics]):
        raise ValidationFailed.over([_missing(study, name, list(metrics)) for name in missing])
    measured = metrics.get(study.objective.name) if outcome == "completed" else None
    return Measured(
        metrics=metrics,
        value=measured.value if measured else None,
        std_error=measured.std_error if measured else None,
        params=params,
        params_as_run=params_as_run,
    )


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
