"""Trials read as a table: filtered pages, counts, and columns without the objects around them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from headway.wire.base import Params
from headway.wire.trial import MeasuredValue, TrialState
from headway_server.domain.study import Study
from headway_server.domain.trial import Trial
from headway_server.storage.tables import attempts, observations, trials

AT_ONCE = 500
"""Numbers looked up by one query: both databases limit how many values a query takes."""


@dataclass(frozen=True)
class TrialFilter:
    """Which trials; None: of any."""

    state: TrialState | None = None
    worker: str | None = None
    """Who made one of its attempts."""
    policy: str | None = None
    """Of its receipt."""
    updated_after: datetime | None = None


EVERY_TRIAL = TrialFilter()


@dataclass(frozen=True)
class TrialRow:
    """A trial as a row of a table."""

    number: int
    state: TrialState
    value: float | None
    """The first objective, of the observation that stands for the trial."""
    std_error: float | None
    metrics: dict[str, MeasuredValue] | None
    params: Params | None
    space_version: int
    policy: str | None
    worker: str | None
    """Who made the last attempt."""
    client_id: str | None
    created_at: datetime
    updated_at: datetime


class _ReceiptPolicy(FunctionElement[str]):
    """The policy in the JSON text of a receipt."""

    type = String()
    inherit_cache = True
    name = "receipt_policy"


@compiles(_ReceiptPolicy, "sqlite")
def _sqlite(element: _ReceiptPolicy, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **options)}, '$.policy')"


@compiles(_ReceiptPolicy, "postgresql")
def _postgres(element: _ReceiptPolicy, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS json) ->> 'policy'"


_policy = _ReceiptPolicy(trials.c.origin)
_stands = (
    (observations.c.trial_id == trials.c.id)
    & (observations.c.outcome == "completed")
    & observations.c.superseded.is_(False)
)
_last_worker = (
    select(attempts.c.worker)
    .where(attempts.c.trial_id == trials.c.id)
    .order_by(attempts.c.number.desc())
    .limit(1)
    .correlate(trials)
    .scalar_subquery()
)
_ROW = (
    *(
        trials.c.number,
        trials.c.state,
        observations.c.value,
        observations.c.std_error,
        observations.c.metrics,
    ),
    *(trials.c.params, trials.c.space_version, _policy, _last_worker, trials.c.client_id),
    *(trials.c.created_at, trials.c.updated_at),
)


class TrialTable:
    """Reads the trials of a study."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, study: Study, after: int, limit: int, chosen: TrialFilter) -> Sequence[Trial]:
        """Up to `limit` trials with numbers above `after`, by number."""
        query = _where(select(Trial), study, chosen).where(trials.c.number > after)
        return self._session.scalars(query.order_by(trials.c.number).limit(limit)).all()

    def count(self, study: Study, chosen: TrialFilter) -> int:
        """How many trials there are."""
        query = _where(select(func.count()).select_from(trials), study, chosen)
        number: int = self._session.scalars(query).one()
        return number

    def rows(self, study: Study, after: int, limit: int, chosen: TrialFilter) -> list[TrialRow]:
        """The same page as `page`, as rows of a table."""
        query = _where(_standing(*_ROW), study, chosen).where(trials.c.number > after)
        found = self._session.execute(query.order_by(trials.c.number).limit(limit))
        return [TrialRow(*row) for row in found]

    def numbered(self, study: Study, numbers: Sequence[int]) -> Iterator[TrialRow]:
        """The rows of these numbers, which ascend."""
        for start in range(0, len(numbers), AT_ONCE):
            query = _where(_standing(*_ROW), study, EVERY_TRIAL)
            some = query.where(trials.c.number.in_(numbers[start : start + AT_ONCE]))
            for row in self._session.execute(some.order_by(trials.c.number)):
                yield TrialRow(*row)

    def series(self, study: Study, chosen: TrialFilter) -> list[tuple[int, float | None]]:
        """Number and value of every trial, by number: what a downsampling looks at."""
        query = _where(_standing(trials.c.number, observations.c.value), study, chosen)
        return [(number, value) for number, value in self._session.execute(query.order_by(trials.c.number))]

    def mark(self, study: Study) -> str:
        """Identifies all that a study's trials, attempts and events are at this moment: it changes with any
        of them.
        """
        of_study = trials.c.study_id == study.id
        states = self._session.execute(
            select(trials.c.state, func.count(), func.max(trials.c.updated_at))
            .where(of_study)
            .group_by(trials.c.state)
            .order_by(trials.c.state)
        ).all()
        beats = self._session.execute(
            select(func.max(attempts.c.heartbeat_at), func.count()).join(trials).where(of_study)
        ).one()
        counters = (
            study.id,
            study.last_seq,
            study.trials_created,
            study.trials_imported,
            study.space_version,
        )
        told = repr((counters, study.state, study.updated_at, [tuple(row) for row in states], tuple(beats)))
        return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()


def _standing(*columns: Any) -> Select[Any]:
    """Columns of trials, and of the observations that stand for them."""
    return select(*columns).select_from(trials.outerjoin(observations, _stands))


def _where(query: Select[Any], study: Study, chosen: TrialFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [trials.c.study_id == study.id]
    if chosen.state is not None:
        conditions.append(trials.c.state == chosen.state)
    if chosen.policy is not None:
        conditions.append(_policy == chosen.policy)
    if chosen.updated_after is not None:
        conditions.append(trials.c.updated_at > chosen.updated_after)
    if chosen.worker is not None:
        tried = select(attempts.c.id).where(
            attempts.c.trial_id == trials.c.id, attempts.c.worker == chosen.worker
        )
        conditions.append(tried.exists())
    return query.where(*conditions)
