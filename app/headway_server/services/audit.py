"""Who changed what: the record that every command writes as it changes something."""

from __future__ import annotations

from datetime import datetime

from headway.wire.access import AuditEntry, AuditPage
from headway_server.domain.errors import InvalidCursor
from headway_server.storage.audit import Entry, Place
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def page(
    database: Database, cursor: str | None, limit: int, study: str | None = None, *, everything: bool
) -> AuditPage:
    """Up to `limit` changes before the one that the cursor names, the newest first: those of the actor's
    project, or with `everything` those that it may see at all, outside any project too.

    Raises:
        InvalidCursor: not a cursor that a page gave.
    """
    place = Place() if cursor is None else _place(cursor)

    def work(uow: UnitOfWork) -> AuditPage:
        project = None if everything and uow.actor.everywhere else uow.actor.project_id
        found = uow.audit.before(place, limit + 1, project_id=project, study=study)
        return AuditPage(
            entries=tuple(AuditEntry.model_validate(entry) for entry in found[:limit]),
            next_cursor=_cursor(found[limit - 1]) if len(found) > limit else None,
        )

    return database.read(work)


def _cursor(entry: Entry) -> str:
    place = entry.place
    return f"{place.at.isoformat()}~{place.study_id}~{place.seq}"


def _place(cursor: str) -> Place:
    try:
        at, study_id, seq = cursor.split("~")
        place = Place(datetime.fromisoformat(at), int(study_id), int(seq))
    except ValueError:
        raise InvalidCursor.given(cursor) from None
    if place.at.tzinfo is None or max(place.study_id, place.seq) >= 2**63:
        raise InvalidCursor.given(cursor)
    return place
