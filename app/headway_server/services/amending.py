"""An editor changes a trial after the fact: a note, tags, a corrected value, an exclusion."""

from __future__ import annotations

from headway.wire.amendments import TrialPatch
from headway.wire.trial import TrialView
from headway_server.domain.amendments import Amendment, amend
from headway_server.services.views import trial_view
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def amend_trial(database: Database, name: str, number: int, patch: TrialPatch) -> TrialView:
    """Change what the patch names, and keep what was there in the trial's history. A repeat changes nothing.

    The engine's hosts see the new revision of the study's data at their next question, and learn anew.

    Raises:
        NotFound: no such study or trial.
        ValidationFailed, NotFinite, IllegalTransition: see `domain.amendments.amend`.
    """

    def work(uow: UnitOfWork) -> TrialView:
        study = uow.studies.lock(name)
        trial = uow.trials.get(study, number)
        by = Amendment(seq=study.last_seq + 1, actor=uow.actor.name, now=uow.now)
        change = amend(study, trial, patch, by)
        if change is not None:
            uow.events.record(
                study,
                "trial.changed",
                uow.now,
                trial=number,
                **change.model_dump(mode="json", include={"was", "became", "reason"}, exclude_none=True),
            )
        return trial_view(trial)

    return database.write(work)
