"""Trials read as a table: pages of rows, without the objects around them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, String, bindparam, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from headway.wire.base import Params
from headway.wire.trial import MeasuredValue, TrialState
from headway_server.domain.study import Study
from headway_server.storage.tables import attempts, measurements, observations, trials


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
_ROWS_AFTER = (
    select(
        *(trials.c.number, trials.c.state),
        *(observations.c.value, observations.c.std_error, observations.c.metrics),
        *(trials.c.params, trials.c.space_version, _ReceiptPolicy(trials.c.origin), _last_worker),
        *(trials.c.client_id, trials.c.created_at, trials.c.updated_at),
    )
    .select_from(trials.outerjoin(observations, _stands))
    .where(trials.c.study_id == bindparam("study"), trials.c.number > bindparam("after", type_=Integer))
    .order_by(trials.c.number)
    .limit(bindparam("limit", type_=Integer))
)


class TrialTable:
    """Reads the trials of a study."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def rows(self, study: Study, after: int, limit: int) -> list[TrialRow]:
        """Up to `limit` rows of trials with numbers above `after`, by number."""
        parameters = {"study": study.id, "after": after, "limit": limit}
        return [TrialRow(*row) for row in self._session.execute(_ROWS_AFTER, parameters)]

    def mark(self, study: Study) -> str:
        """Identifies all that a study's trials, attempts, measurements and events are at this moment: it
        changes with any of them.
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
        measured = self._session.scalars(
            select(func.count()).where(measurements.c.study_id == study.id)
        ).one()
        counters = (
            study.id,
            study.last_seq,
            study.trials_created,
            study.trials_imported,
            study.space_version,
            measured,
        )
        told = repr((counters, study.state, study.updated_at, [tuple(row) for row in states], tuple(beats)))
        return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()
