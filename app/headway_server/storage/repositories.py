"""What the services ask of the database, one class a subject.

Every command locks its study first: study → trial, always.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Select
from sqlalchemy.orm import Session

from headway.wire.base import Params
from headway.wire.study import TrialCounts
from headway.wire.trial import Receipt
from headway_server.domain.access import Actor
from headway_server.domain.errors import NotFound, StudyDeleted
from headway_server.domain.study import TOMBSTONE, Study
from headway_server.domain.trial import Attempt, Trial
from headway_server.storage import queries
from headway_server.storage.clock import Clock
from headway_server.storage.identity_map import (
    ATTEMPTS,
    EVENTS,
    KEPT_RESPONSES,
    STUDIES,
    TRIALS,
    IdentityMap,
)
from headway_server.storage.rows import Arrival, Datum, Head, Incumbent, InFlight, MeasuredArrival, Waiting
from headway_server.storage.tables import Event, KeptResponse, ModelState
from headway_server.storage.trial_loading import TrialLoader

POINT: TypeAdapter[Params] = TypeAdapter(Params)

KEYS_AT_ONCE = 1000
"""Keys looked up by one query: both databases limit how many values a query takes."""

RANKED_AT_ONCE = 64
"""Rows fetched at once where trials are gone through from the best one on."""


class StudyRepository:
    """The studies that the actor sees, by name: those of its project, or the one that its key is for. Any
    other is as one that does not exist.
    """

    def __init__(self, connection: Connection, objects: IdentityMap, clock: Clock, actor: Actor) -> None:
        self._connection = connection
        self._objects = objects
        self._clock = clock
        self._actor = actor

    def add(self, study: Study) -> None:
        """Store a new study in the actor's project; its id is known afterwards.

        Raises:
            OutOfScope: the actor's key is for another study.
            NotFound: the actor's project has been deleted.
        """
        self._actor.require_study(study.name)
        # Held until the commit, so that it is not deleted meanwhile.
        if (
            self._connection.scalars(queries.PROJECT_HELD, {"project": self._actor.project_id}).first()
            is None
        ):
            raise NotFound("The project of this key has been deleted. Use a key of another one.")
        study.project_id = self._actor.project_id
        self._objects.add(STUDIES, study)
        self._objects.flush()

    def find(self, name: str) -> Study | None:
        """The study, or None.

        Raises:
            StudyDeleted: it has been deleted, and its name is not free yet; so does whatever goes by a name.
        """
        return self._seen(queries.STUDY_BY_NAME, name)

    def get(self, name: str) -> Study:
        """The study, to read.

        Raises:
            NotFound: there is none.
        """
        return _found(self.find(name), name)

    def head(self, name: str) -> Head | None:
        """What a posterior of the study is compared with; None where there is no study."""
        if self._actor.study not in (None, name):
            return None
        parameters = {"project": self._actor.project_id, "name": name}
        row = self._connection.execute(queries.STUDY_HEAD, parameters).one_or_none()
        return None if row is None else Head(*row)

    def lock(self, name: str) -> Study:
        """The study, to change: others who want to change it wait.

        Raises:
            NotFound: there is none.
        """
        if self._actor.study not in (None, name):
            return _found(None, name)
        parameters = {"project": self._actor.project_id, "name": name}
        row = self._connection.execute(queries.STUDY_BY_NAME_LOCKED, parameters).one_or_none()
        if row is None:
            return _found(None, name)
        *values, now = row
        self._clock.told(now)
        return _there(self._study(values))

    def lock_by_id(self, study_id: int) -> Study | None:
        """A study of any project, to change; None where it is gone. For what the server does by itself."""
        return self._one(queries.STUDY_BY_ID_LOCKED, {"study": study_id})

    def by_id(self, study_id: int) -> Study | None:
        """A study of any project, to read; None where it is gone."""
        return self._one(queries.STUDY_BY_ID, {"study": study_id})

    def deleted_before(self, moment: datetime) -> Sequence[int]:
        """Ids of studies of any project that were deleted before this."""
        return self._connection.scalars(queries.DELETED_BEFORE, {"before": moment}).all()

    def lock_tombstone(self, study_id: int) -> Study | None:
        """A deleted study of any project, to forget; None where it is gone."""
        return self._one(queries.TOMBSTONE_LOCKED, {"study": study_id})

    def empty(self, study_id: int, limit: int) -> bool:
        """Delete up to so many of a deleted study's trials, or else of its events; whether any were left."""
        parameters = {"study": study_id, "limit": limit}
        return any(
            self._connection.execute(query, parameters).rowcount
            for query in (queries.EMPTY_OF_TRIALS, queries.EMPTY_OF_EVENTS)
        )

    def remove(self, study: Study) -> None:
        """Delete the row, and all that hangs on it."""
        self._objects.remove(STUDIES, study)

    def lock_if_free(self, study_id: int) -> Study | None:
        """The same without waiting: None, too, where another transaction holds it. SQLite has one writer at
        a time, so that nobody holds anything there.
        """
        return self._one(queries.STUDY_BY_ID_IF_FREE, {"study": study_id})

    def page(self, after: str, limit: int, *, companions: bool = False) -> Sequence[Study]:
        """Up to `limit` studies whose names come after this one, by name; those that were made for audits
        only where `companions` are asked for.
        """
        only = self._actor.study
        if only is not None:
            found = self._of_name(queries.STUDY_BY_NAME, only) if only > after else None
            return [] if found is None or found.deleted_at is not None else [found]
        parameters = {"project": self._actor.project_id, "after": after, "limit": limit}
        query = queries.STUDIES_AFTER if companions else queries.OWN_STUDIES_AFTER
        return self._all(query, parameters)

    def lock_companions(self, study: Study) -> Sequence[Study]:
        """The studies that were made for audits of a locked study, to change, by name."""
        parameters = {"project": study.project_id, "name": study.name}
        return self._all(queries.COMPANIONS_LOCKED, parameters)

    def free_name(self, names: Sequence[str]) -> str:
        """The first of these names that no study of the actor's project has, nor had until lately."""
        parameters = {"project": self._actor.project_id, "names": names}
        taken = set(self._connection.scalars(queries.NAMES_TAKEN, parameters))
        return next(name for name in names if name not in taken)

    def with_lapsed_trials(self, now: datetime) -> Sequence[int]:
        """Ids of studies of any project that have a lease or a reservation to take back."""
        return self._connection.scalars(queries.STUDIES_WITH_LAPSED_TRIALS, {"now": now}).all()

    def _seen(self, query: Select[Any], name: str) -> Study | None:
        study = self._of_name(query, name)
        return None if study is None else _there(study)

    def _of_name(self, query: Select[Any], name: str) -> Study | None:
        if self._actor.study not in (None, name):
            return None
        return self._one(query, {"project": self._actor.project_id, "name": name})

    def _one(self, query: Select[Any], parameters: Mapping[str, object]) -> Study | None:
        return next(iter(self._all(query, parameters)), None)

    def _all(self, query: Select[Any], parameters: Mapping[str, object]) -> list[Study]:
        self._objects.flush()
        return [self._study(row) for row in self._connection.execute(query, parameters)]

    def _study(self, row: Iterable[Any]) -> Study:
        return self._objects.found(STUDIES, tuple(row))[0]


class TrialRepository:
    """Trials of a study, with their attempts and observations."""

    def __init__(self, connection: Connection, objects: IdentityMap) -> None:
        self._connection = connection
        self._objects = objects
        self._loader = TrialLoader(connection, objects)

    def add(self, trial: Trial) -> None:
        """Store a new trial."""
        self._objects.add(TRIALS, trial)

    def get(self, study: Study, number: int) -> Trial:
        """One trial.

        Raises:
            NotFound: the study has no trial of this number.
        """
        parameters = {"study": study.id, "number": number}
        trial = self._loader.one(queries.TRIAL, parameters)
        if trial is None:
            raise NotFound(f"Study {study.name!r} has no trial {number}; its last is {study.last_number}.")
        return trial

    def reserved(self, study: Study, numbers: Iterable[int]) -> list[Trial]:
        """Those of these trials that are still reserved, by number. Their points are not known yet, so nobody
        has tried them: there is nothing but their own rows.
        """
        parameters = {"study": study.id, "numbers": list(numbers)}
        rows = self._connection.execute(queries.TRIALS_RESERVED, parameters)
        return [self._objects.found(TRIALS, tuple(row))[0] for row in rows]

    def imported(self, study: Study, client_ids: Sequence[str]) -> dict[str, tuple[int, str | None]]:
        """Of these rows of callers, those that are here: by `client_id` the trial's number and the hash of
        the row's content; None where the trial came without a result.
        """
        found: dict[str, tuple[int, str | None]] = {}
        for start in range(0, len(client_ids), KEYS_AT_ONCE):
            keys = client_ids[start : start + KEYS_AT_ONCE]
            rows = self._connection.execute(queries.IMPORTED, {"study": study.id, "client_ids": keys})
            found |= {client_id: (number, content) for client_id, number, content in rows}
        return found

    def queued(self, study: Study, after: int, limit: int) -> Sequence[Trial]:
        """Up to `limit` trials that wait to be handed out again, with numbers above `after`, by number."""
        parameters = {"study": study.id, "after": after, "limit": limit}
        return self._loader.load(queries.TRIALS_QUEUED_AFTER, parameters)

    def all_queued(self, study: Study) -> Sequence[Trial]:
        """All trials that wait to be handed out, by number."""
        return self._loader.load(queries.TRIALS_QUEUED, {"study": study.id})

    def lapsed(self, study: Study, now: datetime) -> Sequence[Trial]:
        """Trials whose lease or reservation nobody renewed in time."""
        return self._loader.load(queries.TRIALS_LAPSED, {"study": study.id, "now": now})

    def waiting(self, study: Study, now: datetime) -> Waiting:
        """Whether there are trials to take back, or to hand out again."""
        return Waiting(*self._connection.execute(queries.WAITING, {"study": study.id, "now": now}).one())

    def held_by(self, study: Study, worker: str) -> Sequence[Trial]:
        """The trials that a worker has under lease, by number."""
        return self._loader.load(queries.TRIALS_HELD_BY, {"study": study.id, "worker": worker})

    def next_lapse(self, study: Study) -> datetime | None:
        """When the next lease of the study lapses, if nobody renews it."""
        return self._connection.scalars(queries.NEXT_LAPSE, {"study": study.id}).one_or_none()

    def counts(self, study: Study) -> TrialCounts:
        """How many trials are in each state."""
        self._objects.count_trials()
        return study.trial_counts

    def incumbent(self, study: Study) -> Incumbent | None:
        """The completed trial with the best value of the first objective, among those that keep the outcome
        constraints at the target fidelity; of equals the first.
        """
        if study.goals.plain:
            query = queries.HIGHEST if study.maximize else queries.LOWEST
            row = self._connection.execute(query, {"study": study.id}).one_or_none()
            return None if row is None else Incumbent(*row)
        with closing(self.ranked(study)) as ranked:
            return next((one for one in ranked if study.counts(one.values, one.params)), None)

    def any_as_good(self, study: Study, value: float) -> bool:
        """Whether a completed trial has this value of the only objective, or a better one."""
        query = queries.ANY_AS_HIGH if study.maximize else queries.ANY_AS_LOW
        return bool(self._connection.scalars(query, {"study": study.id, "value": value}).one())

    def ranked(self, study: Study) -> Generator[Incumbent]:
        """Completed trials, best first objective first, fetched as they are asked for. To be closed."""
        query = queries.HIGHEST_FIRST if study.maximize else queries.LOWEST_FIRST
        options = {"yield_per": RANKED_AT_ONCE}
        with self._connection.execute(query, {"study": study.id}, execution_options=options) as rows:
            for row in rows:
                yield Incumbent(*row)

    def arrivals(self, study: Study) -> list[Arrival]:
        """Every completed trial in order of arrival."""
        return [Arrival(*row) for row in self._connection.execute(queries.ARRIVALS, {"study": study.id})]

    def measured_arrivals(self, study: Study) -> list[MeasuredArrival]:
        """Every completed trial with all that was measured, in order of arrival."""
        rows = self._connection.execute(queries.MEASURED_ARRIVALS, {"study": study.id})
        return [MeasuredArrival(Incumbent(*row[:-1]), row[-1]) for row in rows]

    def data_after(self, study: Study, seq: int) -> list[Datum]:
        """What the engine has not seen: completed and infeasible observations after this sequence number,
        in order, replicates too.
        """
        parameters = {"study": study.id, "after": seq, "outcomes": study.teaching_outcomes}
        return [Datum(*row) for row in self._connection.execute(queries.DATA_AFTER, parameters)]

    def count_after(self, study: Study, seq: int) -> int:
        """How many observations that the engine learns from came after this sequence number."""
        parameters = {"study": study.id, "after": seq, "outcomes": study.teaching_outcomes}
        return self._connection.scalars(queries.COUNT_AFTER, parameters).one()

    def in_flight(self, study: Study) -> list[InFlight]:
        """Trials handed out, queued to be handed out again, or reserved, by number."""
        rows = self._connection.execute(queries.TRIALS_IN_FLIGHT, {"study": study.id})
        return [_in_flight(*row) for row in rows]

    def live_attempts(self, study: Study) -> list[tuple[int, Attempt]]:
        """Who is at work: trial number and attempt, oldest lease first."""
        rows = self._connection.execute(queries.LIVE_ATTEMPTS, {"study": study.id})
        return [(number, self._objects.found(ATTEMPTS, tuple(values))[0]) for number, *values in rows]


class EventRepository:
    """What happened to a study, in order, and by whom."""

    def __init__(self, connection: Connection, objects: IdentityMap, actor: Actor) -> None:
        self._connection = connection
        self._objects = objects
        self._actor = actor
        self.recorded: list[str] = []
        """The types of those that this transaction has appended."""

    def record(
        self, study: Study, type_: str, now: datetime, *, trial: int | None = None, **data: object
    ) -> int:
        """Append an event to a locked study; its sequence number."""
        if study.id is None:
            raise AssertionError(f"study {study.name} has not been stored")
        seq = study.next_seq(now)
        self.recorded.append(type_)
        self.add(
            Event(
                study_id=study.id,
                seq=seq,
                type=type_,
                trial=trial,
                data=data,
                at=now,
                actor=self._actor.name,
                request_id=self._actor.request_id,
            )
        )
        return seq

    def add(self, event: Event) -> None:
        """Store an event that was recorded elsewhere."""
        self._objects.add(EVENTS, event)

    def after(self, study: Study, seq: int, limit: int) -> Sequence[Event]:
        """Up to `limit` events after this sequence number, in order."""
        parameters = {"study": study.id, "after": seq, "limit": limit}
        self._objects.flush()
        return [EVENTS.make(row) for row in self._connection.execute(queries.EVENTS_AFTER, parameters)]


class ModelRepository:
    """Fitted models."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, state: ModelState) -> None:
        """Store a new version."""
        self._session.add(state)

    def latest(self, study: Study) -> ModelState | None:
        """The version in force, or None before the first fit."""
        return self._session.scalars(queries.LATEST_MODEL, {"study": study.id}).one_or_none()

    def version(self, study: Study, version: int) -> ModelState | None:
        """This version, or None where there is none."""
        return self._session.scalars(
            queries.MODEL_VERSION, {"study": study.id, "version": version}
        ).one_or_none()


class KeptResponseRepository:
    """Answers given under idempotency keys, each to the actor that asked: nobody else's key repeats them."""

    def __init__(self, connection: Connection, objects: IdentityMap, actor: Actor) -> None:
        self._connection = connection
        self._objects = objects
        self._owner = f"{actor.project_id} {actor.name} "

    def find(self, scope: str, key: str) -> KeptResponse | None:
        """What is kept under this key."""
        scope = self._owner + scope
        known = self._objects.get(KEPT_RESPONSES, scope, key)
        if known is not None:
            return known
        row = self._connection.execute(queries.KEPT_RESPONSE, {"scope": scope, "key": key}).one_or_none()
        return None if row is None else self._objects.found(KEPT_RESPONSES, tuple(row))[0]

    def claim(self, scope: str, key: str) -> bool:
        """Whether nobody else is at this key; nobody will be until this transaction ends. SQLite has one
        writer at a time anyway.
        """
        if self._connection.dialect.name == "sqlite":
            return True
        return bool(self._connection.scalars(queries.CLAIM_KEY, {"key": f"{self._owner}{scope} {key}"}).one())

    def add(self, kept: KeptResponse) -> None:
        """Keep a response (or the place for one); its scope becomes the actor's own."""
        kept.scope = self._owner + kept.scope
        self._objects.add(KEPT_RESPONSES, kept)

    def forget(self, kept: KeptResponse) -> None:
        """Let go of one key."""
        self._objects.remove(KEPT_RESPONSES, kept)

    def any_expired(self, now: datetime) -> bool:
        """Whether there is a key whose time is over."""
        return bool(self._connection.scalars(queries.ANY_EXPIRED_KEY, {"now": now}).one())

    def forget_expired(self, now: datetime) -> None:
        """Let go of every key whose time is over."""
        self._connection.execute(queries.FORGET_EXPIRED_KEYS, {"now": now})


@lru_cache(maxsize=4096)
def _in_flight(number: int, params: str | None, origin: str | None, space_version: int) -> InFlight:
    """A trial in flight, from JSON. Kept: its row is read again at every suggestion until it has ended."""
    return InFlight(
        number,
        None if params is None else POINT.validate_json(params),
        None if origin is None else Receipt.model_validate_json(origin),
        space_version,
    )


def _deleted(name: str, deleted_at: datetime) -> StudyDeleted:
    return StudyDeleted(
        f"The study {name!r} was deleted on {deleted_at:%Y-%m-%d at %H:%M} UTC. A worker should stop, and "
        "keep what it has measured: another study may import it. The name is free again on "
        f"{deleted_at + TOMBSTONE:%Y-%m-%d}; choose another one until then."
    )


def _there(study: Study) -> Study:
    if study.deleted_at is not None:
        raise _deleted(study.name, study.deleted_at)
    return study


def _found(study: Study | None, name: str) -> Study:
    if study is None:
        raise NotFound(f"There is no study {name!r}. Create it first, or look at the list of studies.")
    return study
