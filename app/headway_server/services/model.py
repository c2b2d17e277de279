"""What a study has found, and what its model believes."""

from __future__ import annotations

from headway.wire.base import Params
from headway.wire.model import ModelSummary, PredictRequest, PredictResponse
from headway.wire.study import Best, BestResponse
from headway_server.domain.errors import EngineUnavailable
from headway_server.domain.readings import Readings
from headway_server.domain.space import SearchSpace
from headway_server.services.engine_port import Engine, Predictions
from headway_server.services.standing import front
from headway_server.storage.database import Database
from headway_server.storage.rows import Incumbent
from headway_server.storage.unit_of_work import UnitOfWork


def best(database: Database, engine: Engine, name: str) -> BestResponse:
    """The best completed trial, or the front of several objectives, with the posterior there where the
    model can be asked.

    Raises:
        NotFound: no such study.
    """

    def work(uow: UnitOfWork) -> tuple[bool, list[Incumbent], Readings]:
        study = uow.studies.get(name)
        readings = uow.spaces.readings(study)
        if len(study.goals.objectives) > 1:
            found = front(uow, study)
            order = sorted(range(len(found.points)), key=lambda i: found.points[i], reverse=True)
            return True, [found.items[i] for i in order], readings
        incumbent = uow.trials.incumbent(study)
        return False, [] if incumbent is None else [incumbent], readings

    several, trials, readings = database.read(work)
    if not trials:
        return BestResponse(best=None)
    points = [readings.read(trial.params, trial.space_version) for trial in trials]
    predictions, reason = _believed(engine, name, [one.params for one in points if one.params is not None])
    shown: list[Best] = []
    place = 0
    for trial, point in zip(trials, points, strict=True):
        believed = predictions if point.params is not None else None
        shown.append(
            Best(
                trial=trial.number,
                params=trial.params,
                value=trial.value,
                std_error=trial.std_error,
                metrics=trial.values,
                posterior=believed.intervals[place] if believed else None,
                posteriors={key: one[place] for key, one in believed.metrics.items()} if believed else {},
                posterior_reason=point.why or reason,
            )
        )
        place += point.params is not None
    return BestResponse(best=None, front=tuple(shown)) if several else BestResponse(best=shown[0])


def _believed(engine: Engine, name: str, points: list[Params]) -> tuple[Predictions | None, str | None]:
    """The posterior at points, or why there is none."""
    if not points:
        return None, None
    try:
        predictions = engine.predict(name, points)
    except EngineUnavailable as failure:
        return None, failure.detail
    return predictions, None if predictions else "There are too few observations for a model."


def summary(database: Database, engine: Engine, name: str) -> ModelSummary:
    """The state of the model.

    Raises:
        NotFound: no such study.
        EngineUnavailable: no answer came in time.
    """
    database.read(lambda uow: uow.studies.get(name))
    return engine.summary(name)


def predict(database: Database, engine: Engine, name: str, request: PredictRequest) -> PredictResponse:
    """The posterior at the given points.

    Raises:
        NotFound: no such study.
        UnknownParameter, MissingParameter, OutOfBounds: a point is not in the space.
        EngineUnavailable: no answer came in time, or there are too few observations for a model.
    """
    study = database.read(lambda uow: uow.studies.get(name))
    space = SearchSpace.from_wire(study.definition.space)
    points = [space.check(point, f"/points/{i}") for i, point in enumerate(request.points)]
    predictions = engine.predict(name, points)
    if predictions is None:
        raise EngineUnavailable(
            f"Study {name!r} has too few observations for a model. Ask again after some results."
        )
    return PredictResponse(
        model_version=predictions.model_version,
        n_observed=predictions.n_observed,
        predictions=predictions.intervals,
        metrics=predictions.metrics,
    )
