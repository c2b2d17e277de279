"""What a study has found, and what its model believes."""

from __future__ import annotations

from headway.wire.model import ModelSummary, PredictRequest, PredictResponse
from headway.wire.study import Best, BestResponse, Convergence, ConvergencePoint
from headway_server.domain.errors import EngineUnavailable
from headway_server.domain.space import SearchSpace
from headway_server.services.engine_port import Engine
from headway_server.storage.database import Database, UnitOfWork


def best(database: Database, engine: Engine, name: str) -> BestResponse:
    """The best completed trial, with the posterior there where the model can be asked.

    Raises:
        NotFound: no such study.
    """
    incumbent = database.read(lambda uow: uow.trials.incumbent(uow.studies.get(name)))
    if incumbent is None:
        return BestResponse(best=None)
    posterior, reason = None, None
    try:
        predictions = engine.predict(name, [incumbent.params])
    except EngineUnavailable as failure:
        reason = failure.detail
    else:
        if predictions is None:
            reason = "There are too few observations for a model."
        else:
            posterior = predictions.intervals[0]
    return BestResponse(
        best=Best(
            trial=incumbent.number,
            params=incumbent.params,
            value=incumbent.value,
            std_error=incumbent.std_error,
            posterior=posterior,
            posterior_reason=reason,
        )
    )


def convergence(database: Database, name: str) -> Convergence:
    """The incumbent's value after every completed trial, in order of arrival.

    Raises:
        NotFound: no such study.
    """

    def work(uow: UnitOfWork) -> Convergence:
        study = uow.studies.get(name)
        points: list[ConvergencePoint] = []
        incumbent: float | None = None
        for arrival in uow.trials.arrivals(study):
            if incumbent is None or study.improves(arrival.value, incumbent):
                incumbent = arrival.value
            points.append(
                ConvergencePoint(
                    trial=arrival.number, value=arrival.value, best=incumbent, at=arrival.received_at
                )
            )
        return Convergence(objective=study.objective, points=tuple(points))

    return database.read(work)


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
    )
