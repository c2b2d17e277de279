"""A worker reports: the result is durable before the answer goes out, and no model work is done."""

from __future__ import annotations

from headway.wire.trial import FinishRequest, FinishResponse, StudyProgress
from headway_server.domain.errors import ValidationFailed
from headway_server.domain.measured import Measured, checked_metrics, measured_metrics
from headway_server.domain.readings import as_run
from headway_server.domain.study import Study
from headway_server.domain.trial import FINAL, Trial
from headway_server.services.leases import complete_if_spent
from headway_server.services.standing import improves
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def finish(database: Database, name: str, number: int, result: FinishRequest) -> FinishResponse:
    """Take the result of one attempt, or a part of it.

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
        if not result.final:
            return _part(uow, study, trial, result)
        measured = _measured(uow, study, trial, result)
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
            best_changed = improving and not accepted.superseded and not trial.excluded
            if best_changed:
                uow.events.record(study, "best.improved", uow.now, trial=number, value=measured.value)
            complete_if_spent(uow, study)
        elif not accepted.duplicate and not accepted.late:
            uow.events.record(study, "trial.released", uow.now, trial=number)
        return FinishResponse(
            late=accepted.late,
            superseded=accepted.superseded,
            duplicate=accepted.duplicate,
            best_changed=best_changed,
            outside=measured.outside,
            set_aside=_set_aside(uow, study, trial, measured),
            trial_state=trial.state,
            study=_progress(uow, study),
        )

    return database.write(work)


def _part(uow: UnitOfWork, study: Study, trial: Trial, result: FinishRequest) -> FinishResponse:
    """Keep some of the metrics of a trial that goes on."""
    if result.outcome != "completed" or not result.metrics or result.params_as_run is not None:
        raise ValidationFailed.at(
            "/final",
            "A report that is not final has metrics of a trial that goes on, and nothing else.",
            "Send outcome and params_as_run with the final one.",
        )
    attempt = trial.attempt_of(result.lease_token)
    late = not trial.holds(attempt)
    new = trial.report_part(result.lease_token, checked_metrics(result.metrics), uow.now)
    if new:
        uow.events.record(
            study, "trial.reported", uow.now, trial=trial.number, metrics=sorted(result.metrics)
        )
    return FinishResponse(
        late=late,
        superseded=late and trial.state in FINAL,
        duplicate=not new,
        best_changed=False,
        trial_state=trial.state,
        study=_progress(uow, study),
    )


def _progress(uow: UnitOfWork, study: Study) -> StudyProgress:
    counts = uow.trials.counts(study)
    return StudyProgress(
        state=study.state,
        completed=counts.completed,
        leased=counts.leased,
        budget_left=study.budget_left,
    )


def _measured(uow: UnitOfWork, study: Study, trial: Trial, result: FinishRequest) -> Measured:
    """The result's numbers, checked.

    Raises:
        NotFinite, ValidationFailed, UnknownParameter, MissingParameter, InactiveParameter, OutOfBounds.
    """
    metrics = trial.attempt_of(result.lease_token).metrics | result.metrics
    if result.params_as_run is None:
        return measured_metrics(study, result.outcome, metrics, trial.params or {})
    space = uow.spaces.search_space(study, trial.space_version)
    point, faults = as_run(space, result.params_as_run, "/params_as_run")
    outside = tuple(fault.message for fault in faults)
    return measured_metrics(study, result.outcome, metrics, point, point, outside=outside)


def _set_aside(uow: UnitOfWork, study: Study, trial: Trial, measured: Measured) -> str | None:
    """Why the model can't use a result, where it can't: a suggested point of this space it always can."""
    if not measured.outside and trial.space_version == study.space_version:
        return None
    return uow.spaces.readings(study).read(measured.params, trial.space_version).why or None
