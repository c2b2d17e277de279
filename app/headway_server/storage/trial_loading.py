"""Trials with their attempts and results, from rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, select

from headway_server.domain.trial import Trial
from headway_server.storage.identity_map import ATTEMPTS, OBSERVATIONS, TRIALS, IdentityMap, RowsOf
from headway_server.storage.tables import attempts, observations, trials

AT_ONCE = 500
"""Trials whose parts one query fetches."""

_ids: BindParameter[int] = bindparam("ids", expanding=True)
_ATTEMPTS = select(attempts).where(attempts.c.trial_id.in_(_ids)).order_by(attempts.c.number)
_OBSERVATIONS = select(observations).where(observations.c.trial_id.in_(_ids)).order_by(observations.c.seq)
WITH_PARTS = (
    select(trials, attempts, observations)
    .outerjoin(attempts, attempts.c.trial_id == trials.c.id)
    .outerjoin(observations, observations.c.trial_id == trials.c.id)
    .order_by(trials.c.number, attempts.c.number, observations.c.seq)
)
"""Of few trials, each with few attempts: one query where `load` takes three."""

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

    def few(self, query: Select[Any], parameters: Mapping[str, Any]) -> list[Trial]:
        """Trials by a query that narrows `WITH_PARTS`, in its order."""
        found: list[Trial] = []
        new: set[Trial] = set()
        for row in self._connection.execute(query, parameters):
            trial, made = self._objects.found(TRIALS, row[:_FIRST_ATTEMPT])
            if made:
                new.add(trial)
            if not found or found[-1] is not trial:
                found.append(trial)
            if trial in new:
                _attach(self._objects, ATTEMPTS, trial.attempts, row[_FIRST_ATTEMPT:_FIRST_OBSERVATION])
                _attach(self._objects, OBSERVATIONS, trial.observations, row[_FIRST_OBSERVATION:])
        return found

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
    """Put a part where it belongs; there is none where an outer join has found none, and one that is there
    already comes again with each row of the other part.
    """
    if values[0] is None:
        return
    part, _ = objects.found(rows, tuple(values))
    if part not in parts:
        parts.append(part)
