"""Whom a key or a session lets in, remembered for a few seconds so that a request costs microseconds.

A key that is revoked in another process is refused here once it is looked up again: within `REMEMBERED_S`.
An expiry is exact, by the database's clock as of the last look.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from headway_server.domain.access import Actor
from headway_server.domain.errors import DatabaseUnavailable, Unauthenticated
from headway_server.domain.keys import Key, Token, hash_of
from headway_server.services.projects import found
from headway_server.storage.database import Database
from headway_server.storage.tables import WebSession
from headway_server.storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

REMEMBERED_S = 5.0
"""How long a key is believed without looking, seconds: as long at most a revoked one may still work."""
USED_EVERY = timedelta(minutes=1)
"""How exactly a key's last use is known. Not written on each request: reading must not become writing."""
SESSION = timedelta(hours=12)
MOST = 10_000
"""Keys remembered at once; the one remembered first goes first."""


@dataclass(frozen=True)
class Known:
    """What was found under an id or a session, and how long to believe it, in seconds of our own clock."""

    key: Key | None
    until: float
    ends: float | None = None
    """When the session or the key expires."""


class Keyring:
    """Answers for one process; thread-safe.

    Args:
        database: where the keys are.
        clock: reads seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._projects: dict[str, tuple[int, float]] = {}
        self._any_until = 0.0
        self._any = False
        self._lock = threading.Lock()

    def recall(self, token: Token) -> Actor | None:
        """Whom the key lets in, if that is remembered; None: `look` has to be asked.

        Raises:
            Unauthenticated: it lets nobody in.
        """
        known = self._remembered(token.id)
        return None if known is None else self._let_in(known, token)

    def look(self, token: Token) -> Actor:
        """Whom the key lets in, from the database.

        Raises:
            Unauthenticated: it lets nobody in.
        """

        def work(uow: UnitOfWork) -> tuple[Key | None, datetime]:
            return uow.keys.find(token.id), uow.now

        key, now = self._database.read(work)
        known = self._remember(token.id, key, now, None if key is None else key.expires_at)
        actor = self._let_in(known, token)
        self._note_use(known, now)
        return actor

    def recall_session(self, cookie: str) -> Actor | None:
        """Whom a browser's cookie lets in, if that is remembered; None: `look_up_session` has to be asked.

        Raises:
            Unauthenticated: its time is over.
        """
        known = self._remembered(hash_of(cookie))
        return None if known is None else self._let_in(known, None)

    def look_up_session(self, cookie: str) -> Actor:
        """Whom a browser's cookie lets in, from the database.

        Raises:
            Unauthenticated: nobody: it is unknown, or its time is over.
        """

        def work(uow: UnitOfWork) -> tuple[Key | None, datetime | None, datetime]:
            row = uow.keys.of_session(hash_of(cookie))
            return (None, None, uow.now) if row is None else (*row, uow.now)

        key, ends, now = self._database.read(work)
        known = self._remember(hash_of(cookie), key, now, ends)
        actor = self._let_in(known, None)
        self._note_use(known, now)
        return actor

    def sign_in(self, token: Token) -> str:
        """Let a browser in with a key; the cookie that it is to keep.

        Raises:
            Unauthenticated: the key lets nobody in.
        """
        actor = self.look(token)
        cookie = secrets.token_urlsafe(32)

        def work(uow: UnitOfWork) -> None:
            uow.keys.forget_expired_sessions(uow.now)
            key = uow.keys.find(actor.name)
            ends = uow.now + SESSION
            if key is not None and key.expires_at is not None:
                ends = min(ends, key.expires_at)
            uow.keys.let_in(
                WebSession(token_hash=hash_of(cookie), key_id=actor.name, created_at=uow.now, expires_at=ends)
            )

        self._database.acting(actor).write(work)
        return cookie

    def sign_out(self, cookie: str) -> None:
        """End a browser's session."""
        self._database.write(lambda uow: uow.keys.let_out(hash_of(cookie)))
        self.forget(hash_of(cookie))

    def holds(self, actor: Actor) -> bool:
        """Whether a key still lets its actor in: asked by those who stay longer than one request."""
        if self._remembered(actor.name) is None:
            key, now = self._database.read(lambda uow: (uow.keys.find(actor.name), uow.now))
            self._remember(actor.name, key, now, None if key is None else key.expires_at)
        known = self._remembered(actor.name)
        return known is not None and self._refusal(known) is None

    def forget(self, what: str) -> None:
        """Look again at the next request: a key's id, or the hash of a cookie."""
        with self._lock:
            self._known.pop(what, None)

    def any_key(self) -> bool:
        """Whether a key was ever made, as of a few seconds ago. Once yes, it stays so: revoking the last key
        must not open a server.
        """
        if not self._any and self._clock() >= self._any_until:
            self._any = self._database.read(lambda uow: uow.keys.any())
            self._any_until = self._clock() + REMEMBERED_S
        return self._any

    @property
    def any_key_is_remembered(self) -> bool:
        """Whether `any_key` answers without looking."""
        return self._any or self._clock() < self._any_until

    def recall_project(self, name: str) -> int | None:
        """A project's id, if it is remembered; None: `look_up_project` has to be asked."""
        project_id, until = self._projects.get(name, (0, 0.0))
        return project_id if self._clock() < until else None

    def look_up_project(self, name: str) -> int:
        """A project's id, from the database.

        Raises:
            NotFound: there is none of this name.
        """
        project = self._database.read(lambda uow: found(uow.projects.find(name), name))
        if project.id is None:
            raise AssertionError(f"project {name} has not been stored")
        if len(self._projects) >= MOST:
            self._projects.clear()
        self._projects[name] = (project.id, self._clock() + REMEMBERED_S)
        return project.id

    def _remembered(self, what: str) -> Known | None:
        known = self._known.get(what)
        return known if known is not None and self._clock() < known.until else None

    def _remember(self, what: str, key: Key | None, now: datetime, ends: datetime | None) -> Known:
        here = self._clock()
        known = Known(key, here + REMEMBERED_S, None if ends is None else here + (ends - now).total_seconds())
        with self._lock:
            self._known.pop(what, None)
            if len(self._known) >= MOST:
                self._known.pop(next(iter(self._known)))
            self._known[what] = known
        return known

    def _let_in(self, known: Known, token: Token | None) -> Actor:
        key = known.key
        if key is None or (token is not None and not key.opens_for(token)):
            raise Unauthenticated(
                "The key is not known here. Check HEADWAY_API_KEY, and that it is of this server."
                if token is not None
                else "The session is over. Sign in again."
            )
        if refusal := self._refusal(known):
            raise Unauthenticated(refusal)
        return key.actor()

    def _refusal(self, known: Known) -> str | None:
        if known.key is None:
            return "There is no such key."
        if known.key.revoked_at is not None:
            return (
                f"The key {known.key.id!r} was revoked at {known.key.revoked_at.isoformat()}. "
                "Ask an admin for a new one."
            )
        if known.ends is not None and self._clock() >= known.ends:
            return f"The key {known.key.id!r}, or the session, has expired. Ask an admin for a new key."
        return None

    def _note_use(self, known: Known, now: datetime) -> None:
        key = known.key
        if key is None or (key.last_used_at is not None and now - key.last_used_at < USED_EVERY):
            return
        try:
            self._database.write(lambda uow: uow.keys.used(key.id, uow.now))
        except DatabaseUnavailable as away:  # the next look notes it; the request itself need not write
            log.info("key %s: its use was not noted: %s", key.id, away.detail)
