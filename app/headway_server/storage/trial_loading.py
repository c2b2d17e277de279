"""Trials with their attempts and results, from rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, select

from headway_server.domain.trial import Trial
from headway_server.storage.identity_map import ATTEMPTS, OBSERVATIONS, TRIALS, IdentityMap, RowsOf
from headway_server.storage.tables import attempts, observations, trials

AT_ONCE = 500
"""Trials whose parts one query fetches."""

_ids: BindParameter[int] = bindparam("ids", expanding=True)
_ATTEMPTS = select(attempts).where(attempts.c.trial_id.in_(_ids)).order_by(attempts.c.number)
_OBSERVATIONS = select(observations).where(observations.c.trial_id.in_(_ids)).order_by(observations.c.seq)
_belongs = (observations.c.attempt == attempts.c.number) | (
    (observations.c.attempt == 0) & (func.coalesce(attempts.c.number, 1) == 1)
)
"""A result to its attempt; an imported one, of no attempt, to the first row."""
WITH_PARTS = (
    select(trials, attempts, observations)
    .outerjoin(attempts, attempts.c.trial_id == trials.c.id)
    .outerjoin(observations, (observations.c.trial_id == trials.c.id) & _belongs)
    .order_by(attempts.c.number)
)
"""Of one trial: a row an attempt, one query where `load` takes three."""

_FIRST_ATTEMPT = len(TRIALS.names)
_FIRST_OBSERVATION = _FIRST_ATTEMPT + len(ATTEMPTS.names)


class TrialLoader:
    """Makes trials of rows, each once in a transaction.

    Args:
        connection: in the transaction.
        objects: of the transaction.
    """

    def __init__(self, connection: Connection, objects: IdentityMap) -> None:
        self._connection = connection
        self._objects = objects

    def one(self, query: Select[Any], parameters: Mapping[str, Any]) -> Trial | None:
        """The trial that a query narrows `WITH_PARTS` to; None where there is none."""
        rows = self._connection.execute(query, parameters).all()
        if not rows:
            return None
        trial, made = self._objects.found(TRIALS, tuple(rows[0][:_FIRST_ATTEMPT]))
        if made:
            for row in rows:
                _attach(self._objects, ATTEMPTS, trial.attempts, row[_FIRST_ATTEMPT:_FIRST_OBSERVATION])
                _attach(self._objects, OBSERVATIONS, trial.observations, row[_FIRST_OBSERVATION:])
            trial.observations.sort(key=attrgetter("seq"))
        return trial

    def load(self, query: Select[Any], parameters: Mapping[str, Any] | None = None) -> list[Trial]:
        """Trials by a query of their table's columns, in its order."""
        self._objects.flush()
        found: list[Trial] = []
        new: dict[int | None, Trial] = {}
        for row in self._connection.execute(query, parameters):
            trial, made = self._objects.found(TRIALS, tuple(row))
            found.append(trial)
            if made:
                new[trial.id] = trial
        ids = list(new)
        for start in range(0, len(ids), AT_ONCE):
            some = {"ids": ids[start : start + AT_ONCE]}
            for row in self._connection.execute(_ATTEMPTS, some):
                _attach(self._objects, ATTEMPTS, new[row.trial_id].attempts, tuple(row))
            for row in self._connection.execute(_OBSERVATIONS, some):
                _attach(self._objects, OBSERVATIONS, new[row.trial_id].observations, tuple(row))
        return found


def _attach(
    objects: IdentityMap, rows: RowsOf[Any], parts: list[Any], values: Sequence[Any] | Row[Any]
) -> None:
    """Put a part where it belongs. Where an outer join has found none there is none; an attempt with an
    imported result beside its own comes twice.
    """
    if values[0] is None:
        return
    part, _ = objects.found(rows, tuple(values))
    if part not in parts:
        parts.append(part)
