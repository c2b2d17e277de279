"""Projects, their keys, and the record of changes, from an admin's side."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

from headway.calls import PAGE, Call
from headway.results import Link
from headway.wire.access import (
    AuditEntry,
    AuditPage,
    CreatedKey,
    KeyCreate,
    KeyPage,
    KeyView,
    ProjectCreate,
    ProjectPage,
    ProjectPatch,
    ProjectView,
    Role,
)
from headway.wire.base import Nothing


class Project:
    """A handle on a project. Nothing is asked before a method is called."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self.name = name

    def __repr__(self) -> str:
        return f"<Project {self.name}>"

    def view(self) -> ProjectView:
        """What the server says of it.

        Raises:
            NotFound: there is none of this name, or none that the key may know of.
        """
        return self._link.ask(Call("GET", self._path, ProjectView))

    def change(self, *, name: str | None = None, notes: str | None = None) -> ProjectView:
        """Rename it, or change its notes.

        Raises:
            ProjectConflict: the name is taken.
        """
        patch = ProjectPatch(name=name, notes=notes)
        view = self._link.ask(Call("PATCH", self._path, ProjectView, patch))
        self.name = view.name
        return view

    def delete(self) -> None:
        """Delete it and its keys.

        Raises:
            ProjectConflict: it has studies.
        """
        self._link.ask(Call("DELETE", self._path, Nothing))

    def keys(self) -> Iterator[KeyView]:
        """Its keys in order of creation, revoked ones too."""
        cursor: str | None = None
        while True:
            page = self._link.ask(Call("GET", f"{self._path}/keys", KeyPage, query=_from(cursor)))
            yield from page.keys
            if (cursor := page.next_cursor) is None:
                return

    def create_key(
        self, role: Role, *, study: str | None = None, expires: timedelta | None = None, name: str = ""
    ) -> CreatedKey:
        """Make a key. Its `token` is shown this once: it is None where the server's first answer was lost and
        the client asked again. Revoke that key then, and make another.

        Args:
            role: viewer, worker, editor or admin.
            study: the only study that it sees.
            expires: for how long it works; for ever by default.
            name: for people.
        """
        asked = KeyCreate(
            role=role,
            study=study,
            expires_in_s=None if expires is None else expires.total_seconds(),
            name=name,
        )
        return self._link.ask(Call("POST", f"{self._path}/keys", CreatedKey, asked))

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key: within seconds no server takes it any more."""
        self._link.ask(Call("DELETE", f"{self._path}/keys/{quote(key_id, safe='')}", Nothing))

    @property
    def _path(self) -> str:
        return f"/v1/projects/{quote(self.name, safe='')}"


def create_project(link: Link, name: str, notes: str) -> Project:
    """Make a project, or get the one that the same request made before."""
    asked = ProjectCreate(name=name, notes=notes)
    return Project(link, link.ask(Call("POST", "/v1/projects", ProjectView, asked)).name)


def list_projects(link: Link) -> Iterator[ProjectView]:
    """The projects that the key may know of, by name."""
    cursor: str | None = None
    while True:
        page = link.ask(Call("GET", "/v1/projects", ProjectPage, query=_from(cursor)))
        yield from page.projects
        if (cursor := page.next_cursor) is None:
            return


def read_audit(link: Link, study: str | None) -> Iterator[AuditEntry]:
    """Changes, the newest first."""
    cursor: str | None = None
    only: dict[str, str | int] = {} if study is None else {"study": study}
    while True:
        page = link.ask(Call("GET", "/v1/audit", AuditPage, query=_from(cursor) | only))
        yield from page.entries
        if (cursor := page.next_cursor) is None:
            return


def _from(cursor: str | None) -> dict[str, str | int]:
    return {"limit": PAGE} | ({} if cursor is None else {"cursor": cursor})
