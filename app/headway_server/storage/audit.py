"""The record of who changed what: the events of the studies, and what was done to projects and keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    String,
    bindparam,
    cast,
    literal,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from headway_server.domain.access import Actor
from headway_server.storage.column_types import UtcDateTime
from headway_server.storage.tables import Change, api_keys, audit, events, projects, studies


@dataclass(frozen=True)
class Place:
    """Where a page of the record ended. The first page ends nowhere: before the end of time."""

    at: datetime = datetime(9999, 1, 1, tzinfo=UTC)
    study_id: int = 0
    """0 outside any study."""
    seq: int = 0


@dataclass(frozen=True)
class Entry:
    """A change to a study, a project or a key."""

    place: Place
    type: str
    trial: int | None
    data: dict[str, object]
    actor: str | None
    key_name: str | None
    request_id: str | None
    project: str | None
    study: str | None

    @property
    def at(self) -> datetime:
        """When."""
        return self.place.at


class AuditRepository:
    """Changes outside any study are recorded here; those of a study are its events."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def record(self, project_id: int | None, type_: str, now: datetime, **data: object) -> None:
        """Note a change to a project or a key, in the actor's name."""
        self._session.add(
            Change(
                at=now,
                project_id=project_id,
                type=type_,
                data=data,
                actor=self._actor.name,
                request_id=self._actor.request_id,
            )
        )

    def before(
        self, place: Place, limit: int, *, project_id: int | None, study: str | None = None
    ) -> list[Entry]:
        """Up to `limit` changes before a place, the newest first.

        Args:
            place: where the page before ended.
            limit: how many.
            project_id: of this project; None: of all, and of none.
            study: of the studies of this name.
        """
        parameters = {
            "at": place.at,
            "study_id": place.study_id,
            "seq": place.seq,
            "limit": limit,
            "project": project_id,
            "name": study,
        }
        rows = self._session.execute(_page(project_id is not None, study is not None), parameters)
        return [Entry(Place(*row[:3]), *row[3:]) for row in rows]


_limit = bindparam("limit", type_=Integer)
_nowhere = cast(literal(0), BigInteger)
_place = tuple_(
    bindparam("at", type_=UtcDateTime),
    bindparam("study_id", type_=BigInteger),
    bindparam("seq", type_=BigInteger),
)
_of_studies = (
    select(
        *(events.c.at, events.c.study_id, events.c.seq, events.c.type, events.c.trial, events.c.data),
        *(events.c.actor, events.c.request_id, studies.c.project_id, studies.c.name.label("study")),
    )
    .join(studies, studies.c.id == events.c.study_id)
    .where(tuple_(events.c.at, events.c.study_id, events.c.seq) < _place)
    .order_by(events.c.at.desc(), events.c.study_id.desc(), events.c.seq.desc())
    .limit(_limit)
)
_outside = (
    select(
        *(audit.c.at, _nowhere.label("study_id"), audit.c.id.label("seq"), audit.c.type),
        *(cast(null(), Integer).label("trial"), audit.c.data, audit.c.actor, audit.c.request_id),
        *(audit.c.project_id, cast(null(), String).label("study")),
    )
    .where(tuple_(audit.c.at, _nowhere, audit.c.id) < _place)
    .order_by(audit.c.at.desc(), audit.c.id.desc())
    .limit(_limit)
)


def _page(of_project: bool, of_study: bool) -> Select[Any]:
    """The query: each source gives a page of its own by its index on time, and the newest of both are one."""
    of_studies, outside = _of_studies, _outside
    if of_project:
        project = bindparam("project", type_=BigInteger)
        of_studies = of_studies.where(studies.c.project_id == project)
        outside = outside.where(audit.c.project_id == project)
    if of_study:
        sources = of_studies.where(studies.c.name == bindparam("name")).subquery()
    else:
        sources = union_all(select(of_studies.subquery()), select(outside.subquery())).subquery()
    return (
        select(
            *(sources.c.at, sources.c.study_id, sources.c.seq, sources.c.type, sources.c.trial),
            *(sources.c.data, sources.c.actor, api_keys.c.name, sources.c.request_id),
            *(projects.c.name, sources.c.study),
        )
        .outerjoin(api_keys, api_keys.c.id == sources.c.actor)
        .outerjoin(projects, projects.c.id == sources.c.project_id)
        .order_by(sources.c.at.desc(), sources.c.study_id.desc(), sources.c.seq.desc())
        .limit(_limit)
    )
