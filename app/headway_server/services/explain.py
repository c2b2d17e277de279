"""Why a trial is where it is."""

from __future__ import annotations

from headway.wire.base import Params
from headway.wire.explanation import ExplainRequest, Explanation
from headway_server.domain.errors import EngineUnavailable, IllegalTransition, ValidationFailed
from headway_server.domain.readings import Readings
from headway_server.domain.trial import Trial
from headway_server.services.engine_port import Engine, ToExplain
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def explain(database: Database, engine: Engine, name: str, request: ExplainRequest) -> Explanation:
    """Take a trial's choice apart, or any point's: what was expected there and how surely, which data say so,
    and what else could have been chosen.

    Raises:
        NotFound: no such study or trial.
        ValidationFailed: the request names neither a trial nor a point, or both.
        UnknownParameter, MissingParameter, OutOfBounds: the point is not in the space.
        IllegalTransition: the trial has no point yet.
        EngineUnavailable: no answer came in time, or there are too few observations for a model.
    """
    if (request.trial is None) == (request.params is None):
        raise ValidationFailed.at(
            "/trial",
            f"The request names the trial {request.trial} and the point {request.params}.",
            "Name a trial or give `params`: one of the two.",
        )

    def work(uow: UnitOfWork) -> tuple[Readings, Trial | None]:
        study = uow.studies.get(name)
        trial = None if request.trial is None else uow.trials.get(study, request.trial)
        return uow.spaces.readings(study), trial

    readings, trial = database.read(work)
    if trial is None:
        point = readings.space.check(request.params or {}, "/params")
    else:
        point = _point_of(trial, readings)
    explained = engine.explain(
        name,
        ToExplain(
            point=point,
            number=request.trial or 0,
            receipt=None if trial is None else trial.origin,
            nearest=request.nearest,
            alternatives=request.alternatives,
        ),
    )
    if explained is None:
        raise EngineUnavailable(
            f"Study {name!r} has too few observations for a model. Ask again after some results."
        )
    return Explanation(
        trial=request.trial,
        params=point,
        receipt=None if trial is None else trial.origin,
        **dict(explained),
    )


def _point_of(trial: Trial, readings: Readings) -> Params:
    """A trial's point, as the present space has it."""
    if trial.params is None:
        raise IllegalTransition(f"Trial {trial.number} has no point yet: it is being computed. Ask again.")
    reading = readings.read(trial.params, trial.space_version)
    if reading.params is None:
        raise IllegalTransition(
            f"Trial {trial.number} has no place in the present search space: {reading.why} "
            "Ask about a trial of this space."
        )
    return reading.params
