"""The studies that are stored.

Every command locks its study first: study → trial, always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select

from headway_server.domain.access import Actor
from headway_server.domain.errors import NotFound, StudyDeleted
from headway_server.domain.study import TOMBSTONE, Study
from headway_server.storage import queries
from headway_server.storage.clock import Clock
from headway_server.storage.identity_map import STUDIES, IdentityMap
from headway_server.storage.rows import Head


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
