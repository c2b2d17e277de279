"""The studies and trials of one transaction: each row is one object, and what has become of it is written.

Identity map and unit of work (Fowler, Patterns of Enterprise Application Architecture, 2002, chapters 10 and
11) over statements that are compiled once. SQLAlchemy's own, which the tables that are asked less often use,
took two thirds of the processor time of a suggestion.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    Connection,
    Insert,
    Integer,
    Table,
    Update,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from headway.wire.trial import TrialState
from headway_server.domain.observation import Observation
from headway_server.domain.study import Study
from headway_server.domain.trial import Attempt, Trial
from headway_server.storage.tables import (
    Event,
    KeptResponse,
    attempts,
    events,
    idempotency_keys,
    observations,
    studies,
    trials,
)

T = TypeVar("T")

Values = tuple[Any, ...]


class RowsOf(Generic[T]):
    """How objects of a class are rows of a table: each column is the attribute of the same name.

    Args:
        made_by: makes an object of a row.
        table: whose rows they are. Where it has an `id`, the database gives it.
        key: the columns by which an object is known, unique and never changed; those of the primary key
            where none are named.
    """

    def __init__(self, made_by: type[T], table: Table, *key: str) -> None:
        self.table = table
        self.names: tuple[str, ...] = tuple(table.c.keys())
        self.numbered = "id" in self.names
        key = key or tuple(column.name for column in table.primary_key)
        self._made_by = made_by
        self._key_at = [self.names.index(name) for name in key]
        self._values: Callable[[T], Values] = attrgetter(*self.names)
        here = [table.c[name] == bindparam(f"key_{name}") for name in key]
        self.key_names = [f"key_{name}" for name in key]
        self.insert = insert(table)
        self.update = update(table).where(*here)
        self.delete = delete(table).where(*here)

    def columns(self, one: T) -> dict[str, Any]:
        """The object's columns and values; without an id that the database is to give."""
        columns = dict(zip(self.names, self._values(one), strict=True))
        if self.numbered and columns["id"] is None:
            del columns["id"]
        return columns

    def values(self, one: T) -> Values:
        """The object's row."""
        return self._values(one)

    def key(self, values: Values) -> Values:
        """Its primary key."""
        return tuple(values[at] for at in self._key_at)

    def make(self, values: Sequence[Any]) -> T:
        """The object of a row."""
        return self._made_by(**dict(zip(self.names, values, strict=True)))


STUDIES = RowsOf(Study, studies)
TRIALS = RowsOf(Trial, trials, "study_id", "number")
ATTEMPTS = RowsOf(Attempt, attempts, "trial_id", "number")
OBSERVATIONS = RowsOf(Observation, observations, "trial_id", "attempt")
EVENTS = RowsOf(Event, events)
KEPT_RESPONSES = RowsOf(KeptResponse, idempotency_keys)


_STATE = TRIALS.names.index("state")
_IDS = select(trials.c.number, trials.c.id).where(
    trials.c.study_id == bindparam("study"),
    trials.c.number.between(bindparam("low", type_=Integer), bindparam("high", type_=Integer)),
)


@dataclass(eq=False, slots=True)
class _Known:
    """An object, and the row as it is in the database; None: it is not there yet."""

    one: Any
    stored: Values | None


class IdentityMap:
    """The objects of one transaction.

    Args:
        connection: in a transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[RowsOf[Any], dict[Values, _Known]] = defaultdict(dict)
        self._new: dict[RowsOf[Any], list[Any]] = defaultdict(list)
        self._counted: dict[Values, TrialState] = {}
        """Trials whose states their studies have counted, but their rows may not have yet."""

    def found(self, rows: RowsOf[T], values: Values) -> tuple[T, bool]:
        """The object of a row that was read, and whether it has just been made: one that is known already
        stays as it is.
        """
        key = rows.key(values)
        known = self._known[rows].get(key)
        if known is not None:
            one: T = known.one
            return one, False
        one = rows.make(values)
        self._known[rows][key] = _Known(one, values)
        return one, True

    def get(self, rows: RowsOf[T], *key: object) -> T | None:
        """The object with this key, where it is known."""
        known = self._known[rows].get(key)
        if known is not None:
            one: T = known.one
            return one
        new: list[T] = self._new[rows]
        return next((one for one in new if rows.key(rows.values(one)) == key), None)

    def add(self, rows: RowsOf[T], one: T) -> None:
        """Insert it at the next flush; a trial with its attempts and observations."""
        self._new[rows].append(one)

    def remove(self, rows: RowsOf[T], one: T) -> None:
        """Delete the row of an object that was read."""
        key = rows.key(rows.values(one))
        del self._known[rows][key]
        self._connection.execute(rows.delete, dict(zip(rows.key_names, key, strict=True)))

    def forget(self) -> None:
        """Let go of every object, so that reading much takes little memory."""
        self._known.clear()
        self._counted.clear()

    def count_trials(self) -> None:
        """Bring the studies' counts up to date with what has become of their trials."""
        changes: defaultdict[int, Counter[TrialState]] = defaultdict(Counter)
        stored = (
            (known.one, known.stored[_STATE] if known.stored else None)
            for known in self._known[TRIALS].values()
        )
        for trial, in_its_row in chain(stored, ((trial, None) for trial in self._new[TRIALS])):
            key = (trial.study_id, trial.number)
            was = self._counted.get(key, in_its_row)
            if trial.state == was:
                continue
            self._counted[key] = trial.state
            changes[trial.study_id][trial.state] += 1
            if was is not None:
                changes[trial.study_id][was] -= 1
        for study_id, by_state in changes.items():
            study: Study = self._known[STUDIES][study_id,].one  # locked before its trials were changed
            study.count(by_state)

    def flush(self) -> None:
        """Write what has changed, then what is new: a lease must have ended before the next one begins."""
        self.count_trials()
        for rows in (STUDIES, TRIALS, ATTEMPTS, OBSERVATIONS, KEPT_RESPONSES):
            self._write_changes(rows)
        for rows in (STUDIES, TRIALS):
            self._insert(rows, self._new.pop(rows, ()))
        stored = [known.one for known in self._known[TRIALS].values()]
        self._insert(ATTEMPTS, list(self._new_parts(ATTEMPTS, stored, "attempts")))
        self._insert(OBSERVATIONS, list(self._new_parts(OBSERVATIONS, stored, "observations")))
        self._insert(KEPT_RESPONSES, self._new.pop(KEPT_RESPONSES, ()))
        if happened := [EVENTS.columns(one) for one in self._new.pop(EVENTS, ())]:
            self._execute(EVENTS.insert, happened)

    def _write_changes(self, rows: RowsOf[Any]) -> None:
        by_columns: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for key, known in self._known[rows].items():
            values = rows.values(known.one)
            if values == known.stored:
                continue
            changed = {
                name: new
                for name, new, old in zip(rows.names, values, known.stored or (), strict=True)
                if new is not old and new != old
            }
            by_columns[tuple(changed)].append(changed | dict(zip(rows.key_names, key, strict=True)))
            known.stored = values
        for parameters in by_columns.values():
            self._execute(rows.update, parameters)

    def _execute(self, statement: Insert | Update, parameters: Sequence[dict[str, Any]]) -> None:
        """Once for each; one alone by itself, which for psycopg is a round trip less than a list of one."""
        self._connection.execute(statement, parameters if len(parameters) > 1 else parameters[0])

    def _insert(self, rows: RowsOf[Any], new: Sequence[Any]) -> None:
        if not new:
            return
        parameters = [rows.columns(one) for one in new]
        if len(new) == 1:
            (id_, *_) = self._connection.execute(rows.insert, parameters[0]).inserted_primary_key or (None,)
            if rows.numbered:
                new[0].id = id_
        else:
            self._connection.execute(rows.insert, parameters)
            if rows is TRIALS:
                self._learn_ids(new)
        for one in new:
            values = rows.values(one)
            self._known[rows][rows.key(values)] = _Known(one, values)

    def _learn_ids(self, new: Sequence[Trial]) -> None:
        """The ids of many trials that were inserted at once. Having each row returned instead would make one
        statement of all of them, which takes longer to read than to run.
        """
        of_study: defaultdict[int, dict[int, Trial]] = defaultdict(dict)
        for trial in new:
            of_study[trial.study_id][trial.number] = trial
        for study_id, by_number in of_study.items():
            parameters = {"study": study_id, "low": min(by_number), "high": max(by_number)}
            for number, id_ in self._connection.execute(_IDS, parameters):
                if number in by_number:
                    by_number[number].id = id_

    def _new_parts(self, rows: RowsOf[Any], owners: Iterable[Trial], parts: str) -> Iterator[Any]:
        """The attempts, or observations, of stored trials that are not stored themselves."""
        known = self._known[rows]
        for trial in owners:
            for part in getattr(trial, parts):
                if part.id is None:
                    part.trial_id = trial.id
                    if rows.key(rows.values(part)) not in known:
                        yield part
