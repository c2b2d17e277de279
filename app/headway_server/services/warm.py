"""A study's posterior in memory: what it was made from, and how its rows reach it."""

from __future__ import annotations

import math
from concurrent.futures import Future
from dataclasses import dataclass, field

from headway.wire.base import Params
from headway_server.domain.readings import Readings
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study
from headway_server.engine import Fitted, Optimizer, Prepared
from headway_server.services.engine_port import Point
from headway_server.storage.rows import Datum, InFlight
from headway_server.storage.tables import ModelState
from headway_server.storage.unit_of_work import UnitOfWork

AT_ONCE = 8
"""So many results a question may add to a posterior that was prepared; more are added beside the answers."""


@dataclass(frozen=True)
class Preparing:
    """A stored fit whose posteriors are being built beside the answers."""

    model: ModelState
    fitted: Fitted
    prepared: Future[Prepared]
    behind: float = math.inf
    """How many results there were that an earlier round had not taken up when this one began."""

    def is_worth_another_round(self, behind: int) -> bool:
        """Whether to bring what was prepared up to date beside the answers once more, where so many results
        have come meanwhile: not where the last round has not halved them, as those who ask without a pause
        would never see its end.
        """
        return AT_ONCE < behind < self.behind / 2


@dataclass
class Warm:
    """A study's posterior in memory, and how far it has read."""

    study: Study
    """As it was when the first rows were read."""
    optimizer: Optimizer
    readings: Readings
    seen_seq: int = 0
    numbers: list[int] = field(default_factory=list)
    """The trials of the optimizer's values, in its order."""
    model: ModelState | None = None
    """The stored fit that the posterior uses; None while it uses one of its own, or none."""
    fit: Future[Fitted] | None = None
    preparing: Preparing | None = None
    answered: dict[int, Point] = field(default_factory=dict)
    """By number: points that were answered, and that the trials' rows did not have when they were read."""

    @property
    def study_id(self) -> int:
        """The study's row."""
        return self.study.stored_id

    @property
    def data_revision(self) -> int:
        """Which state of the study's data it was made from."""
        return self.study.data_revision


@dataclass(frozen=True)
class News:
    """What a study's rows hold that its posterior may not."""

    study: Study
    data: list[Datum]
    in_flight: list[InFlight]
    model: ModelState | None
    readings: Readings


def read_news(uow: UnitOfWork, name: str, warm: Warm) -> News | None:
    """What the study's rows hold that `warm` has not seen; None where it is of no use any more: another study
    has come under the same name, or data were corrected.
    """
    study, head = warm.study, uow.studies.head(name)
    if head is None or (head.study_id, head.data_revision) != (warm.study_id, warm.data_revision):
        return None
    known = 0 if warm.model is None else warm.model.version
    return News(
        study=study,
        data=uow.trials.data_after(study, warm.seen_seq),
        in_flight=uow.trials.in_flight(study),
        model=uow.models.latest(study) if head.model_version > known else None,
        readings=warm.readings,
    )


def read_all(uow: UnitOfWork, name: str) -> News:
    """All that the study's rows hold."""
    study = uow.studies.get(name)
    return News(
        study=study,
        data=uow.trials.data_after(study, 0),
        in_flight=uow.trials.in_flight(study),
        model=uow.models.latest(study),
        readings=uow.spaces.readings(study),
    )


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
    """The point of a trial in flight; None where it is unknown, or the present space has no place for it."""
    if trial.params is None or trial.space_version == warm.readings.version:
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
