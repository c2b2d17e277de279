"""A study's posterior in memory: what it was made from, and how its rows reach it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from headway.wire.base import Params
from headway_server.domain.readings import Readings
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study
from headway_server.engine import Fitted, Optimizer, Prepared
from headway_server.storage.database import UnitOfWork
from headway_server.storage.rows import Datum, InFlight
from headway_server.storage.tables import ModelState


@dataclass(frozen=True)
class Preparing:
    """A stored fit whose posteriors are being built beside the answers."""

    model: ModelState
    fitted: Fitted
    prepared: Future[Prepared]


@dataclass
class Warm:
    """A study's posterior in memory, and how far it has read."""

    study_id: int
    data_revision: int
    optimizer: Optimizer
    readings: Readings
    seen_seq: int = 0
    numbers: list[int] = field(default_factory=list)
    """The trials of the optimizer's values, in its order."""
    model: ModelState | None = None
    """The stored fit that the posterior uses; None while it uses one of its own, or none."""
    fit: Future[Fitted] | None = None
    preparing: Preparing | None = None


@dataclass(frozen=True)
class News:
    """What a study's rows hold that its posterior may not."""

    study: Study
    data: list[Datum]
    in_flight: list[InFlight]
    model: ModelState | None
    readings: Readings


def read_news(uow: UnitOfWork, name: str, warm: Warm | None) -> News:
    """What the study's rows hold that `warm` has not seen; all of it, where there is none."""
    study = uow.studies.get(name)
    return News(
        study=study,
        data=uow.trials.data_after(study, warm.seen_seq if warm else 0),
        in_flight=uow.trials.in_flight(study),
        model=uow.models.latest(study),
        readings=warm.readings if warm else uow.spaces.readings(study),
    )


def origin_of(study: Study) -> tuple[int, int]:
    """What a posterior was made from: another study may come under the same name, and data be corrected."""
    if study.id is None:
        raise AssertionError(f"study {study.name} has not been stored")
    return study.id, study.data_revision


def abandon(warm: Warm) -> None:
    """Let go of a posterior. A fit under way comes to its end, and is stored if it is still of use."""
    if warm.preparing is not None:
        warm.preparing.prepared.cancel()


def tell(optimizer: Optimizer, readings: Readings, datum: Datum) -> list[int]:
    """The trial's number, where the optimizer has one value more now."""
    reading = readings.read(datum.params, datum.space_version)
    if reading.params is None:
        return []
    optimizer.take(reading, None if datum.value is None else datum.metrics)
    return [] if datum.value is None else [datum.trial]


def point_in_flight(warm: Warm, trial: InFlight) -> Params | None:
    """The point of a trial in flight; None where the present space has no place for it."""
    if trial.space_version == warm.readings.version:
        return trial.params
    return warm.readings.read(trial.params, trial.space_version).params


def new_optimizer(study: Study, space: SearchSpace, version: int, device: str) -> Optimizer:
    """An optimizer for the study that has seen nothing; its fits go on from this version."""
    return Optimizer(
        space,
        strategy=study.definition.strategy,
        seed=study.definition.seed,
        goals=study.goals,
        n_initial=study.definition.n_initial,
        refit="external",
        version=version,
        device=device,
    )
