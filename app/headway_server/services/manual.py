"""Trials made by hand: a point that the next worker gets, or a result.

A queued point costs a place in the budget, as every trial that is handed out; a result costs none, as every
result that nobody was sent for. Results are taken in any state of the study, points only while they can come
to be handed out.
"""

from __future__ import annotations

from headway.wire.manual import TrialCreate
from headway.wire.observations import ImportedRow
from headway.wire.trial import TrialView
from headway_server.domain.brought import content_of, enqueued, imported
from headway_server.domain.errors import IllegalTransition, RowConflict
from headway_server.domain.measured import measured_metrics
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study
from headway_server.domain.trial import Trial
from headway_server.services.standing import improves
from headway_server.services.views import trial_view
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def create_trial(database: Database, name: str, request: TrialCreate) -> tuple[TrialView, bool]:
    """The trial, and whether this call made it: a second one under the same `client_id` finds the first.

    Raises:
        NotFound: no such study.
        UnknownParameter, MissingParameter, InactiveParameter, OutOfBounds, ConstraintViolated: the point is
            none of the present space.
        ValidationFailed, NotFinite: the metrics are not the study's.
        RowConflict: the `client_id` is another trial's.
        IllegalTransition: a point is to be queued, and the budget is spent or the study closed.
    """

    def work(uow: UnitOfWork) -> tuple[TrialView, bool]:
        study = uow.studies.lock(name)
        params = SearchSpace.from_wire(study.definition.space).check(request.params)
        checked = request.model_copy(update={"params": params})
        present = _present(uow, study, checked)
        if present is not None:
            return trial_view(present), False
        trial = _queue(uow, study, checked) if _queues(checked) else _record(uow, study, checked)
        trial.note, trial.tags = request.note, tuple(dict.fromkeys(request.tags))
        return trial_view(trial), True

    return database.write(work)


def _queues(request: TrialCreate) -> bool:
    return request.outcome is None and not request.metrics


def _present(uow: UnitOfWork, study: Study, request: TrialCreate) -> Trial | None:
    """The trial of this `client_id`.

    Raises:
        RowConflict: it is another one.
    """
    key = request.client_id
    known = None if key is None else uow.trials.imported(study, [key]).get(key)
    if known is None:
        return None
    number, content = known
    trial = uow.trials.get(study, number)
    if _queues(request):
        was_queued = content is None and trial.origin is not None and trial.origin.policy == "manual"
        same = was_queued and trial.params == request.params
    else:
        same = content == content_of(_row(request))
    if not same:
        raise RowConflict.at(
            "/client_id",
            f"Trial {number} has the client_id {key!r} and another content.",
            "Give the trial a client_id of its own; to correct a result, change its trial.",
        )
    return trial


def _queue(uow: UnitOfWork, study: Study, request: TrialCreate) -> Trial:
    if study.budget_left == 0:
        raise IllegalTransition(
            f"The study {study.name!r} has handed out its budget of {study.budget} trials. Raise `budget` to "
            "queue another point; a result that is there already costs none."
        )
    if study.state not in ("running", "paused"):
        raise IllegalTransition(
            f"The study {study.name!r} is {study.state}: nobody would get the point. "
            "Set `state` to `running` first."
        )
    trial = enqueued(study, request.params, request.client_id, uow.now)
    uow.trials.add(trial)
    uow.events.record(study, "trial.queued", uow.now, trial=trial.number)
    return trial


def _record(uow: UnitOfWork, study: Study, request: TrialCreate) -> Trial:
    row = _row(request)
    measured = measured_metrics(study, row.outcome, row.metrics, request.params)
    improving = improves(uow, study, measured)
    content, seq = content_of(row), study.last_seq + 1
    trial = imported(study, row, measured, content=content, seq=seq, now=uow.now, policy="manual")
    uow.trials.add(trial)
    uow.events.record(
        study, "trial.imported", uow.now, trial=trial.number, outcome=row.outcome, value=measured.value
    )
    if improving:
        uow.events.record(study, "best.improved", uow.now, trial=trial.number, value=measured.value)
    return trial


def _row(request: TrialCreate) -> ImportedRow:
    """A result as a row of an import, of which it is another way to say the same."""
    return ImportedRow(
        client_id=request.client_id,
        params=request.params,
        outcome=request.outcome or "completed",
        metrics=request.metrics,
        reason=request.reason,
        message=request.message,
    )
