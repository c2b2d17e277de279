"""Responses that are kept under idempotency keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from headway_server.domain.access import Actor
from headway_server.storage import queries
from headway_server.storage.identity_map import KEPT_RESPONSES, IdentityMap
from headway_server.storage.tables import KeptResponse


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
