"""What happened to the studies, as it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from headway_server.domain.access import Actor
from headway_server.domain.study import Study
from headway_server.storage import queries
from headway_server.storage.identity_map import EVENTS, IdentityMap
from headway_server.storage.tables import Event


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
