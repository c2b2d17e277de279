"""Projects, keys, and the sessions of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, bindparam, delete, exists, func, select, update
from sqlalchemy.orm import Session

from headway_server.domain.access import Actor
from headway_server.domain.keys import Key, Project
from headway_server.storage.column_types import UtcDateTime
from headway_server.storage.tables import WebSession, api_keys, projects, sessions, studies

_project = bindparam("project", type_=BigInteger)
_limit = bindparam("limit", type_=Integer)
_now = bindparam("now", type_=UtcDateTime)

PROJECT_BY_NAME = select(Project).where(projects.c.name == bindparam("name"))
PROJECT_LOCKED = PROJECT_BY_NAME.with_for_update()
PROJECTS_AFTER = (
    select(Project)
    .where(projects.c.name > bindparam("after", type_=String))
    .order_by(projects.c.name)
    .limit(_limit)
)
STUDIES_OF = select(func.count()).where(studies.c.project_id == _project, studies.c.deleted_at.is_(None))
FORGET_TOMBSTONES = delete(studies).where(studies.c.project_id == _project, studies.c.deleted_at.is_not(None))

KEY_BY_ID = select(Key).where(api_keys.c.id == bindparam("id"))
KEYS_AFTER = (
    select(Key)
    .where(api_keys.c.number > bindparam("after", type_=BigInteger))
    .order_by(api_keys.c.number)
    .limit(_limit)
)
KEYS_OF_AFTER = KEYS_AFTER.where(api_keys.c.project_id == _project)
ANY_KEY = select(exists(select(api_keys.c.number)))
KEY_USED = update(api_keys).where(api_keys.c.id == bindparam("used", type_=String)).values(last_used_at=_now)
KEY_OF_SESSION = (
    select(Key, sessions.c.expires_at)
    .join(sessions, sessions.c.key_id == api_keys.c.id)
    .where(sessions.c.token_hash == bindparam("token_hash"))
)
FORGET_SESSION = delete(WebSession).where(sessions.c.token_hash == bindparam("token_hash", type_=String))
FORGET_EXPIRED_SESSIONS = delete(WebSession).where(sessions.c.expires_at < _now)


class ProjectRepository:
    """The projects that the actor sees: its own, or all of them."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def add(self, project: Project) -> None:
        """Store a new project; its id is known afterwards."""
        self._session.add(project)
        self._session.flush()

    def find(self, name: str) -> Project | None:
        """The project, or None: also where the actor may not know of it."""
        return self._seen(self.named(name))

    def lock(self, name: str) -> Project | None:
        """The project, to change."""
        return self._seen(self._session.scalars(PROJECT_LOCKED, {"name": name}).one_or_none())

    def named(self, name: str) -> Project | None:
        """The project, whoever may see it: a name is taken for everyone."""
        return self._session.scalars(PROJECT_BY_NAME, {"name": name}).one_or_none()

    def by_id(self, project_id: int) -> Project | None:
        """The project of this id."""
        return self._session.get(Project, project_id)

    def page(self, after: str, limit: int) -> Sequence[Project]:
        """Up to `limit` projects whose names come after this one, by name."""
        if self._actor.everywhere:
            return self._session.scalars(PROJECTS_AFTER, {"after": after, "limit": limit}).all()
        own = self.by_id(self._actor.project_id)
        return [own] if own is not None and own.name > after else []

    def studies(self, project: Project) -> int:
        """How many studies it has."""
        return self._session.scalars(STUDIES_OF, {"project": project.id}).one()

    def remove(self, project: Project) -> None:
        """Delete a project that has no studies; its keys go with it, and what is left of deleted studies."""
        self._session.execute(FORGET_TOMBSTONES, {"project": project.id})
        self._session.delete(project)
        self._session.flush()

    def _seen(self, project: Project | None) -> Project | None:
        if project is None or self._actor.everywhere or project.id == self._actor.project_id:
            return project
        return None


class KeyRepository:
    """Keys, and the browsers that they have let in."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, key: Key) -> None:
        """Store a new key."""
        self._session.add(key)
        self._session.flush()

    def find(self, key_id: str) -> Key | None:
        """The key of this id."""
        return self._session.scalars(KEY_BY_ID, {"id": key_id}).one_or_none()

    def page(self, project: Project | None, after: int, limit: int) -> Sequence[Key]:
        """Up to `limit` keys of a project, or all keys, in order of creation."""
        parameters = {"after": after, "limit": limit}
        if project is None:
            return self._session.scalars(KEYS_AFTER, parameters).all()
        return self._session.scalars(KEYS_OF_AFTER, parameters | {"project": project.id}).all()

    def any(self) -> bool:
        """Whether a key was ever made, also one that is expired or revoked by now."""
        return self._session.scalars(ANY_KEY).one()

    def used(self, key_id: str, now: datetime) -> None:
        """Note that it was used."""
        self._session.execute(KEY_USED, {"used": key_id, "now": now})

    def of_session(self, token_hash: str) -> tuple[Key, datetime] | None:
        """The key that let a browser in, and until when."""
        row = self._session.execute(KEY_OF_SESSION, {"token_hash": token_hash}).one_or_none()
        return None if row is None else (row[0], row[1])

    def let_in(self, session: WebSession) -> None:
        """Store a session."""
        self._session.add(session)

    def let_out(self, token_hash: str) -> None:
        """End a session."""
        self._session.execute(FORGET_SESSION, {"token_hash": token_hash})

    def forget_expired_sessions(self, now: datetime) -> None:
        """Let go of every session whose time is over."""
        self._session.execute(FORGET_EXPIRED_SESSIONS, {"now": now})
