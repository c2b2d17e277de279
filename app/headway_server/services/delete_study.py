"""An editor deletes a study; a while later the server forgets it."""

from __future__ import annotations

from functools import partial

from headway_server.domain.study import TOMBSTONE
from headway_server.services.preconditions import require_if_match, require_match
from headway_server.storage.database import Database
from headway_server.storage.queries import DELETED
from headway_server.storage.unit_of_work import UnitOfWork

AT_ONCE = 500
"""Trials, or events, that one transaction deletes: a large study must not hold up the others."""


def delete(database: Database, name: str, if_match: str | None) -> None:
    """Delete a study. Whatever asks for it is told so for as long as its tombstone stands, and its name stays
    taken: a worker that comes back neither finds another study under it nor makes it anew. The studies that
    were made for its audits go with it.

    Args:
        database: whose actor asks.
        name: the study.
        if_match: the header If-Match.

    Raises:
        NotFound: no such study.
        StudyDeleted: it has been deleted already.
        PreconditionRequired: there is no If-Match.
        StaleEtag: the study has changed since it was read.
    """
    seen = require_if_match(if_match, f"the study {name!r}", f"/v1/studies/{name}")

    def work(uow: UnitOfWork) -> None:
        study = uow.studies.lock(name)
        require_match(seen, study.etag, f"the study {name!r}")
        for one in (study, *uow.studies.lock_companions(study)):
            uow.events.record(one, DELETED, uow.now)
            one.deleted_at = uow.now

    database.write(work)


def purge(database: Database) -> int:
    """Forget the studies whose tombstones have stood long enough; how many there were. The record of changes
    keeps that they were there.
    """
    ids = database.read(lambda uow: uow.studies.deleted_before(uow.now - TOMBSTONE))
    for study_id in ids:
        while database.write(partial(_empty, study_id)):
            pass
        database.write(partial(_forget, study_id))
    return len(ids)


def _empty(study_id: int, uow: UnitOfWork) -> bool:
    return uow.studies.empty(study_id, AT_ONCE)


def _forget(study_id: int, uow: UnitOfWork) -> None:
    study = uow.studies.lock_tombstone(study_id)
    if study is None:  # another server was faster
        return
    (deleted,) = uow.events.after(study, 0, 1)  # the only one that is left
    uow.audit.record(
        study.project_id,
        "study.purged",
        uow.now,
        name=study.name,
        deleted_at=deleted.at.isoformat(),
        deleted_by=deleted.actor,
    )
    uow.studies.remove(study)
