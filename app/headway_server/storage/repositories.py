"""What the services ask of the database, one class a subject.

Every command locks its study first: study → trial, always.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Select
from sqlalchemy.orm import Session

from headway.wire.study import TrialCounts
from headway_server.domain.access import Actor
from headway_server.domain.errors import NotFound, StudyDeleted
from headway_server.domain.keys import Project
from headway_server.domain.study import TOMBSTONE, Study
from headway_server.domain.trial import Attempt, Trial
from headway_server.storage import queries
from headway_server.storage.rows import Arrival, Datum, Incumbent, InFlight, MeasuredArrival
from headway_server.storage.tables import Event, KeptResponse, ModelState

KEYS_AT_ONCE = 1000
"""Keys looked up by one query: both databases limit how many values a query takes."""

RANKED_AT_ONCE = 64
"""Rows fetched at once where trials are gone through from the best one on."""


class StudyRepository:
    """The studies that the actor sees, by name: those of its project, or the one that its key is for. Any
    other is as one that does not exist.
    """

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def add(self, study: Study) -> None:
        """Store a new study in the actor's project; its id is known afterwards.

        Raises:
            OutOfScope: the actor's key is for another study.
            NotFound: the actor's project has been deleted.
        """
        self._actor.require_study(study.name)
        # Held until the commit, so that it is not deleted meanwhile.
        if self._session.get(Project, self._actor.project_id, with_for_update={"read": True}) is None:
            raise NotFound("The project of this key has been deleted. Use a key of another one.")
        study.project_id = self._actor.project_id
        self._session.add(study)
        self._session.flush()

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

    def lock(self, name: str) -> Study:
        """The study, to change: others who want to change it wait.

        Raises:
            NotFound: there is none.
        """
        return _found(self._seen(queries.STUDY_BY_NAME_LOCKED, name), name)

    def lock_by_id(self, study_id: int) -> Study | None:
        """A study of any project, to change; None where it is gone. For what the server does by itself."""
        return self._session.scalars(queries.STUDY_BY_ID_LOCKED, {"study": study_id}).one_or_none()

    def by_id(self, study_id: int) -> Study | None:
        """A study of any project, to read; None where it is gone."""
        return self._session.scalars(queries.STUDY_BY_ID, {"study": study_id}).one_or_none()

    def deleted_before(self, moment: datetime) -> Sequence[int]:
        """Ids of studies of any project that were deleted before this."""
        return self._session.scalars(queries.DELETED_BEFORE, {"before": moment}).all()

    def lock_tombstone(self, study_id: int) -> Study | None:
        """A deleted study of any project, to forget; None where it is gone."""
        return self._session.scalars(queries.TOMBSTONE_LOCKED, {"study": study_id}).one_or_none()

    def empty(self, study_id: int, limit: int) -> bool:
        """Delete up to so many of a deleted study's trials, or else of its events; whether any were left."""
        parameters = {"study": study_id, "limit": limit}
        return any(
            cast("CursorResult[Any]", self._session.execute(query, parameters)).rowcount
            for query in (queries.EMPTY_OF_TRIALS, queries.EMPTY_OF_EVENTS)
        )

    def remove(self, study: Study) -> None:
        """Delete the row, and all that hangs on it."""
        self._session.delete(study)
        self._session.flush()

    def lock_if_free(self, study_id: int) -> Study | None:
        """The same without waiting: None, too, where another transaction holds it. SQLite has one writer at
        a time, so that nobody holds anything there.
        """
        return self._session.scalars(queries.STUDY_BY_ID_IF_FREE, {"study": study_id}).one_or_none()

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
        return self._session.scalars(query, parameters).all()

    def lock_companions(self, study: Study) -> Sequence[Study]:
        """The studies that were made for audits of a locked study, to change, by name."""
        parameters = {"project": study.project_id, "name": study.name}
        return self._session.scalars(queries.COMPANIONS_LOCKED, parameters).all()

    def free_name(self, names: Sequence[str]) -> str:
        """The first of these names that no study of the actor's project has, nor had until lately."""
        parameters = {"project": self._actor.project_id, "names": names}
        taken = set(self._session.scalars(queries.NAMES_TAKEN, parameters))
        return next(name for name in names if name not in taken)

    def with_lapsed_trials(self, now: datetime) -> Sequence[int]:
        """Ids of studies of any project that have a lease or a reservation to take back."""
        return self._session.scalars(queries.STUDIES_WITH_LAPSED_TRIALS, {"now": now}).all()

    def _seen(self, query: Select[Study], name: str) -> Study | None:
        study = self._of_name(query, name)
        if study is not None and study.deleted_at is not None:
            raise _deleted(name, study.deleted_at)
        return study

    def _of_name(self, query: Select[Study], name: str) -> Study | None:
        if self._actor.study not in (None, name):
            return None
        parameters = {"project": self._actor.project_id, "name": name}
        return self._session.scalars(query, parameters).one_or_none()


class TrialRepository:
    """Trials of a study, with their attempts and observations."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, trial: Trial) -> None:
        """Store a new trial."""
        self._session.add(trial)

    def get(self, study: Study, number: int) -> Trial:
        """One trial.

        Raises:
            NotFound: the study has no trial of this number.
        """
        parameters = {"study": study.id, "number": number}
        trial = self._session.scalars(queries.TRIAL, parameters).unique().one_or_none()
        if trial is None:
            raise NotFound(f"Study {study.name!r} has no trial {number}; its last is {study.last_number}.")
        return trial

    def numbered(self, study: Study, numbers: Iterable[int]) -> Sequence[Trial]:
        """The trials of these numbers."""
        parameters = {"study": study.id, "numbers": list(numbers)}
        return self._session.scalars(queries.TRIALS_NUMBERED, parameters).unique().all()

    def imported(self, study: Study, client_ids: Sequence[str]) -> dict[str, tuple[int, str | None]]:
        """Of these rows of callers, those that are here: by `client_id` the trial's number and the hash of
        the row's content; None where the trial came without a result.
        """
        found: dict[str, tuple[int, str | None]] = {}
        for start in range(0, len(client_ids), KEYS_AT_ONCE):
            keys = client_ids[start : start + KEYS_AT_ONCE]
            rows = self._session.execute(queries.IMPORTED, {"study": study.id, "client_ids": keys})
            found |= {client_id: (number, content) for client_id, number, content in rows}
        return found

    def queued(self, study: Study, after: int, limit: int) -> Sequence[Trial]:
        """Up to `limit` trials that wait to be handed out again, with numbers above `after`, by number."""
        parameters = {"study": study.id, "after": after, "limit": limit}
        return self._session.scalars(queries.TRIALS_QUEUED_AFTER, parameters).all()

    def all_queued(self, study: Study) -> Sequence[Trial]:
        """All trials that wait to be handed out, by number."""
        return self._session.scalars(queries.TRIALS_QUEUED, {"study": study.id}).all()

    def lapsed(self, study: Study, now: datetime) -> Sequence[Trial]:
        """Trials whose lease or reservation nobody renewed in time."""
        return self._session.scalars(queries.TRIALS_LAPSED, {"study": study.id, "now": now}).all()

    def held_by(self, study: Study, worker: str) -> Sequence[Trial]:
        """The trials that a worker has under lease, by number."""
        return self._session.scalars(queries.TRIALS_HELD_BY, {"study": study.id, "worker": worker}).all()

    def next_lapse(self, study: Study) -> datetime | None:
        """When the next lease of the study lapses, if nobody renews it."""
        return self._session.scalars(queries.NEXT_LAPSE, {"study": study.id}).one_or_none()

    def counts(self, study: Study) -> TrialCounts:
        """How many trials are in each state."""
        rows = self._session.execute(queries.TRIAL_COUNTS, {"study": study.id}).all()
        return TrialCounts.model_validate(dict(rows))

    def incumbent(self, study: Study) -> Incumbent | None:
        """The completed trial with the best value of the first objective, among those that keep the outcome
        constraints at the target fidelity; of equals the first.
        """
        if study.goals.plain:
            query = queries.HIGHEST if study.maximize else queries.LOWEST
            row = self._session.execute(query, {"study": study.id}).one_or_none()
            return None if row is None else Incumbent(*row)
        with closing(self.ranked(study)) as ranked:
            return next((one for one in ranked if study.counts(one.values, one.params)), None)

    def ranked(self, study: Study) -> Generator[Incumbent]:
        """Completed trials, best first objective first, fetched as they are asked for. To be closed."""
        query = queries.HIGHEST_FIRST if study.maximize else queries.LOWEST_FIRST
        options = {"yield_per": RANKED_AT_ONCE}
        with self._session.execute(query, {"study": study.id}, execution_options=options) as rows:
            for row in rows:
                yield Incumbent(*row)

    def arrivals(self, study: Study) -> list[Arrival]:
        """Every completed trial in order of arrival."""
        return [Arrival(*row) for row in self._session.execute(queries.ARRIVALS, {"study": study.id})]

    def measured_arrivals(self, study: Study) -> list[MeasuredArrival]:
        """Every completed trial with all that was measured, in order of arrival."""
        rows = self._session.execute(queries.MEASURED_ARRIVALS, {"study": study.id})
        return [MeasuredArrival(Incumbent(*row[:-1]), row[-1]) for row in rows]

    def data_after(self, study: Study, seq: int) -> list[Datum]:
        """What the engine has not seen: completed and infeasible observations after this sequence number,
        in order, replicates too.
        """
        parameters = {"study": study.id, "after": seq, "outcomes": study.teaching_outcomes}
        return [Datum(*row) for row in self._session.execute(queries.DATA_AFTER, parameters)]

    def count_after(self, study: Study, seq: int) -> int:
        """How many observations that the engine learns from came after this sequence number."""
        parameters = {"study": study.id, "after": seq, "outcomes": study.teaching_outcomes}
        return self._session.scalars(queries.COUNT_AFTER, parameters).one()

    def in_flight(self, study: Study) -> list[InFlight]:
        """Trials handed out or queued to be handed out again, by number."""
        return [
            InFlight(*row) for row in self._session.execute(queries.TRIALS_IN_FLIGHT, {"study": study.id})
        ]

    def live_attempts(self, study: Study) -> list[tuple[int, Attempt]]:
        """Who is at work: trial number and attempt, oldest lease first."""
        rows = self._session.execute(queries.LIVE_ATTEMPTS, {"study": study.id})
        return [(number, attempt) for number, attempt in rows]


class EventRepository:
    """What happened to a study, in order, and by whom."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
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
        self._session.add(
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

    def after(self, study: Study, seq: int, limit: int) -> Sequence[Event]:
        """Up to `limit` events after this sequence number, in order."""
        parameters = {"study": study.id, "after": seq, "limit": limit}
        return self._session.scalars(queries.EVENTS_AFTER, parameters).all()


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

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._owner = f"{actor.project_id} {actor.name} "

    def find(self, scope: str, key: str) -> KeptResponse | None:
        """What is kept under this key."""
        return self._session.get(KeptResponse, (self._owner + scope, key))

    def claim(self, scope: str, key: str) -> bool:
        """Whether nobody else is at this key; nobody will be until this transaction ends. SQLite has one
        writer at a time anyway.
        """
        if self._session.get_bind().dialect.name == "sqlite":
            return True
        return bool(self._session.scalars(queries.CLAIM_KEY, {"key": f"{self._owner}{scope} {key}"}).one())

    def add(self, kept: KeptResponse) -> None:
        """Keep a response (or the place for one); its scope becomes the actor's own."""
        kept.scope = self._owner + kept.scope
        self._session.add(kept)

    def forget(self, kept: KeptResponse) -> None:
        """Let go of one key."""
        self._session.delete(kept)
        self._session.flush()

    def forget_expired(self, now: datetime) -> None:
        """Let go of every key whose time is over."""
        self._session.execute(queries.FORGET_EXPIRED_KEYS, {"now": now})


def _deleted(name: str, deleted_at: datetime) -> StudyDeleted:
    return StudyDeleted(
        f"The study {name!r} was deleted on {deleted_at:%Y-%m-%d at %H:%M} UTC. A worker should stop, and "
        "keep what it has measured: another study may import it. The name is free again on "
        f"{deleted_at + TOMBSTONE:%Y-%m-%d}; choose another one until then."
    )


def _found(study: Study | None, name: str) -> Study:
    if study is None:
        raise NotFound(f"There is no study {name!r}. Create it first, or look at the list of studies.")
    return study
