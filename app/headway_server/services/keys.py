"""Making, listing and revoking keys."""

from __future__ import annotations

from headway.wire.access import CreatedKey, KeyCreate, KeyPage, KeyView
from headway_server.domain.errors import InvalidCursor, NotFound
from headway_server.domain.keys import Key, Project, Token
from headway_server.services.projects import found
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def create(database: Database, project: str | None, asked: KeyCreate) -> CreatedKey:
    """A new key of a project; of the whole installation where `project` is None.

    A request that is repeated makes another key, or finds the one it made under an idempotency key; the token
    can't be shown a second time either way. Revoke the one whose answer was lost.

    Raises:
        NotFound: no such project.
        OutOfScope: a key of the whole installation, asked for with one of a project.
        ValidationFailed: an admin's key for one study.
    """

    def work(uow: UnitOfWork) -> CreatedKey:
        project_id = None
        if project is None:
            uow.actor.require_everywhere("Making a key of the whole installation")
        else:
            project_id = found(uow.projects.find(project), project).id
        token = Token.new()
        key = Key.create(token, asked, project_id, uow.actor.name, uow.now)
        uow.keys.add(key)
        uow.audit.record(
            project_id, "key.created", uow.now, key=key.id, role=key.role, study=key.study, name=key.name
        )
        return CreatedKey(token=str(token), **_view(key, project).model_dump())

    return database.write(work)


def page(database: Database, project: str | None, cursor: str | None, limit: int) -> KeyPage:
    """Up to `limit` keys of a project, or of all, in order of creation.

    Raises:
        NotFound: no such project.
        OutOfScope: the keys of all projects, asked for with a key of one.
        InvalidCursor: not a cursor that a page gave.
    """
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise InvalidCursor.given(cursor)

    def work(uow: UnitOfWork) -> KeyPage:
        if project is None:
            uow.actor.require_everywhere("Seeing every key")
        of = None if project is None else found(uow.projects.find(project), project)
        rows = uow.keys.page(of, int(cursor or 0), limit + 1)
        names: dict[int, str | None] = {}
        for key in rows:
            if key.project_id is not None and key.project_id not in names:
                owner = uow.projects.by_id(key.project_id)
                names[key.project_id] = None if owner is None else owner.name
        return KeyPage(
            keys=tuple(_view(key, names.get(key.project_id or 0)) for key in rows[:limit]),
            next_cursor=str(rows[limit - 1].number) if len(rows) > limit else None,
        )

    return database.read(work)


def read(database: Database, project: str, key_id: str) -> KeyView:
    """One key of a project.

    Raises:
        NotFound: the project has no such key, or there is no such project.
    """

    def work(uow: UnitOfWork) -> KeyView:
        of = found(uow.projects.find(project), project)
        return _view(_of(of, uow.keys.find(key_id), key_id), of.name)

    return database.read(work)


def revoke(database: Database, project: str | None, key_id: str) -> None:
    """Revoke a key. It is kept, so that the record still says whose it was; repeating changes nothing.

    Raises:
        NotFound: the project has no such key, or there is no such project.
        OutOfScope: a key of any project, asked for with a key of one.
    """

    def work(uow: UnitOfWork) -> None:
        if project is None:
            uow.actor.require_everywhere("Revoking any key")
        of = None if project is None else found(uow.projects.find(project), project)
        key = _of(of, uow.keys.find(key_id), key_id)
        if key.revoked_at is None:
            key.revoked_at = uow.now
            uow.audit.record(key.project_id, "key.revoked", uow.now, key=key.id, name=key.name)

    database.write(work)


def _of(project: Project | None, key: Key | None, key_id: str) -> Key:
    """The key, if the project has it; any key, where no project is meant."""
    if key is None or (project is not None and key.project_id != project.id):
        raise NotFound(f"There is no key {key_id!r}. `headway keys list` shows those there are.")
    return key


def _view(key: Key, project: str | None) -> KeyView:
    return KeyView(
        id=key.id,
        project=project,
        name=key.name,
        role=key.role,
        study=key.study,
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )
