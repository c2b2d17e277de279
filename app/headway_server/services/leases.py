"""Taking back what nobody renewed, and noticing when a study has run its course."""

from __future__ import annotations

from headway_server.domain.study import Study
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def sweep(database: Database) -> int:
    """Take back every lapsed lease and reservation; how many there were.

    Correctness does not rest on this: `suggest` does the same for its own study. A study that somebody holds
    is left to them, or to the next sweep: replicas sweep side by side, and none waits for another.
    """
    ids = database.read(lambda uow: uow.studies.with_lapsed_trials(uow.now))
    return sum(_sweep_one(database, study_id) for study_id in ids)


def _sweep_one(database: Database, study_id: int) -> int:
    def work(uow: UnitOfWork) -> int:
        study = uow.studies.lock_if_free(study_id)
        return 0 if study is None else take_back_lapsed(uow, study)

    return database.write(work)


def take_back_lapsed(uow: UnitOfWork, study: Study) -> int:
    """Take back the lapsed leases and reservations of a locked study; how many there were."""
    lapsed = uow.trials.lapsed(study, uow.now)
    for trial in lapsed:
        was = trial.state
        trial.lapse(study.policy, uow.now)
        if was == "leased":
            uow.events.record(
                study,
                "lease.expired",
                uow.now,
                trial=trial.number,
                state=trial.state,
                attempt=len(trial.attempts),
            )
    if lapsed:
        complete_if_spent(uow, study)
    return len(lapsed)


def complete_if_spent(uow: UnitOfWork, study: Study) -> None:
    """Mark a running study as completed once its budget is spent and no trial is open."""
    if study.state != "running" or study.budget_left != 0:
        return
    counts = uow.trials.counts(study)
    if counts.reserved + counts.queued + counts.leased == 0:
        study.state = "completed"
        uow.events.record(study, "study.completed", uow.now)
