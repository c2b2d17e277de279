"""How rows are shown to callers: the same view wherever a study or a trial appears."""

from __future__ import annotations

from headway.wire.study import StudyView
from headway.wire.trial import AttemptView, ObservationView, TrialView
from headway_server.domain.study import Study
from headway_server.domain.trial import Trial
from headway_server.storage.unit_of_work import UnitOfWork


def study_view(uow: UnitOfWork, study: Study) -> StudyView:
    """A study with the counts of its trials."""
    return StudyView(
        name=study.name,
        state=study.state,
        definition=study.definition,
        definition_hash=study.definition_hash,
        space_version=study.space_version,
        trials=uow.trials.counts(study),
        budget=study.budget,
        budget_left=study.budget_left,
        etag=study.etag,
        audit_of=study.audit_of,
        created_at=study.created_at,
        updated_at=study.updated_at,
    )


def trial_view(trial: Trial) -> TrialView:
    """A trial with its attempts and observations."""
    counting = trial.counting
    return TrialView(
        number=trial.number,
        state=trial.state,
        params=trial.params,
        space_version=trial.space_version,
        seed=trial.seed,
        value=counting.value if counting else None,
        std_error=counting.std_error if counting else None,
        metrics=counting.metrics if counting else {},
        origin=trial.origin,
        attempts=tuple(AttemptView.model_validate(attempt) for attempt in trial.attempts),
        observations=tuple(ObservationView.model_validate(seen) for seen in trial.observations),
        note=trial.note,
        tags=trial.tags,
        excluded=trial.excluded,
        history=trial.history,
        created_at=trial.created_at,
        updated_at=trial.updated_at,
    )
