"""A worker reports: the result is durable before the answer goes out, and no model work is done."""

from __future__ import annotations

from headway.wire.trial import FinishRequest, FinishResponse, StudyProgress
from headway_server.domain.measured import Measured, measured_metrics
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study
from headway_server.domain.trial import Trial
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
            best_changed = improving and not accepted.superseded and not trial.excluded
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
