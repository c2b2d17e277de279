"""Intermediate values in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Integer, bindparam, func, insert, select, tuple_
from sqlalchemy.orm import Session

from headway_server.domain.study import Study
from headway_server.domain.trial import Trial
from headway_server.storage.tables import measurements, trials

STEPS_AT_ONCE = 1000
"""Steps looked up by one query."""


@dataclass(frozen=True)
class MeasurementRow:
    """One measurement of an attempt."""

    attempt: int
    step: int
    metrics: dict[str, float]
    t: float | None
    received_at: datetime


@dataclass(frozen=True)
class StudyMeasurement(MeasurementRow):
    """One measurement, with the number of its trial."""

    trial: int


_trial = bindparam("trial", type_=BigInteger)
_attempt = bindparam("attempt", type_=Integer)
_step = bindparam("step", type_=BigInteger)
_columns = [measurements.c[name] for name in ("attempt", "step", "metrics", "t", "received_at")]

PAGE = (
    select(*_columns)
    .where(measurements.c.trial_id == _trial)
    .where(
        tuple_(measurements.c.attempt, measurements.c.step)
        > tuple_(bindparam("after_attempt", type_=Integer), bindparam("after_step", type_=BigInteger))
    )
    .order_by(measurements.c.attempt, measurements.c.step)
    .limit(bindparam("limit", type_=Integer))
)
OF_STUDY = (
    select(*(*_columns, trials.c.number))
    .join(trials, trials.c.id == measurements.c.trial_id)
    .where(measurements.c.study_id == bindparam("study", type_=BigInteger))
    .where(
        tuple_(trials.c.number, measurements.c.attempt, measurements.c.step)
        > tuple_(
            bindparam("after_trial", type_=Integer),
            bindparam("after_attempt", type_=Integer),
            bindparam("after_step", type_=BigInteger),
        )
    )
    .order_by(trials.c.number, measurements.c.attempt, measurements.c.step)
    .limit(bindparam("limit", type_=Integer))
)
KNOWN_STEPS = select(measurements.c.step).where(
    measurements.c.trial_id == _trial,
    measurements.c.attempt == _attempt,
    measurements.c.step.in_(bindparam("steps", expanding=True)),
)
COUNT = select(func.count()).where(measurements.c.trial_id == _trial, measurements.c.attempt == _attempt)
BEST = select(func.min(measurements.c.value), func.max(measurements.c.value)).where(
    measurements.c.trial_id == _trial, measurements.c.attempt == _attempt, measurements.c.step <= _step
)
RUNNING_AVERAGES = (
    select(func.avg(measurements.c.value))
    .join(trials, trials.c.id == measurements.c.trial_id)
    .where(
        measurements.c.study_id == bindparam("study", type_=BigInteger),
        measurements.c.step <= _step,
        measurements.c.value.is_not(None),
        measurements.c.trial_id != _trial,
        trials.c.state == "completed",
        trials.c.excluded.is_(False),
    )
    .group_by(measurements.c.trial_id)
)


class MeasurementRepository:
    """Measurements of trials, by attempt and step. Written once, never changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def known_steps(self, trial: Trial, attempt: int, steps: Sequence[int]) -> set[int]:
        """Which of these steps the attempt has reported before."""
        known: set[int] = set()
        for start in range(0, len(steps), STEPS_AT_ONCE):
            parameters = {
                "trial": trial.id,
                "attempt": attempt,
                "steps": list(steps[start : start + STEPS_AT_ONCE]),
            }
            known.update(self._session.scalars(KNOWN_STEPS, parameters))
        return known

    def count(self, trial: Trial, attempt: int) -> int:
        """How many measurements an attempt has."""
        return self._session.scalars(COUNT, {"trial": trial.id, "attempt": attempt}).one()

    def add(self, study: Study, rows: Iterable[tuple[Trial, MeasurementRow]]) -> None:
        """Store measurements of a locked study's trials; the objective's value is kept beside the metrics."""
        objective = study.objective.name
        values = [
            {column.name: getattr(row, column.name) for column in _columns}
            | {"trial_id": trial.id, "study_id": study.id, "value": row.metrics.get(objective)}
            for trial, row in rows
        ]
        if values:
            self._session.execute(insert(measurements), values)

    def of_study(self, study: Study, after: tuple[int, int, int], limit: int) -> list[StudyMeasurement]:
        """Up to `limit` measurements after this (trial, attempt, step), in order."""
        parameters = {
            "study": study.id,
            "after_trial": after[0],
            "after_attempt": after[1],
            "after_step": after[2],
            "limit": limit,
        }
        return [StudyMeasurement(*row) for row in self._session.execute(OF_STUDY, parameters)]

    def page(self, trial: Trial, after: tuple[int, int], limit: int) -> list[MeasurementRow]:
        """Up to `limit` measurements after this (attempt, step), in order."""
        parameters = {
            "trial": trial.id,
            "after_attempt": after[0],
            "after_step": after[1],
            "limit": limit,
        }
        return [MeasurementRow(*row) for row in self._session.execute(PAGE, parameters)]

    def best(self, trial: Trial, attempt: int, step: int, *, maximize: bool) -> float | None:
        """The attempt's best value of the objective up to a step; None where it has reported none."""
        parameters = {"trial": trial.id, "attempt": attempt, "step": step}
        low, high = self._session.execute(BEST, parameters).one()
        best: float | None = high if maximize else low
        return best

    def running_averages(self, study: Study, trial: Trial, step: int) -> list[float]:
        """The mean of the objective up to a step, of each other trial that completed."""
        parameters = {"study": study.id, "trial": trial.id, "step": step}
        return list(self._session.scalars(RUNNING_AVERAGES, parameters))
