"""Who asks, and what they may see and do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from headway.wire.access import Role
from headway_server.domain.errors import OutOfScope, RoleTooLow

ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most."""

DEFAULT_PROJECT_ID = 1
"""The project `default`, which the first migration that knows projects makes."""


def reaches(role: Role, least: Role) -> bool:
    """Whether a role may do what asks for `least`."""
    return ROLES.index(role) >= ROLES.index(least)


@dataclass(frozen=True)
class Actor:
    """Who asks. Every transaction has one: it sees that actor's project only, and notes who changed what."""

    name: str
    """A key's id; `open` where no key is asked for; `command line`; `server`."""
    role: Role = "admin"
    project_id: int = DEFAULT_PROJECT_ID
    """The project whose studies are meant."""
    study: str | None = None
    """The only study that is seen; None: all of the project."""
    everywhere: bool = False
    """Whether the actor may turn to other projects and make new ones."""
    request_id: str | None = None

    def require(self, least: Role, what: str) -> None:
        """Refuse what needs more.

        Raises:
            RoleTooLow: naming the role that it takes.
        """
        if not reaches(self.role, least):
            raise RoleTooLow(
                f"{what} takes the role {least!r}; this key has {self.role!r}. Use a key with more, "
                f"or have an admin run `headway keys create --role {least}`."
            )

    def require_everywhere(self, what: str) -> None:
        """Refuse an actor of one project what concerns them all.

        Raises:
            OutOfScope: saying which key it takes.
        """
        if not self.everywhere:
            raise OutOfScope(
                f"{what} takes an admin's key of the whole installation; this key is of one project. "
                "Whoever runs the server gets one with `headway keys create --role admin`."
            )

    def require_study(self, name: str) -> None:
        """Refuse a key for one study what concerns another.

        Raises:
            OutOfScope: naming the study that the key is for.
        """
        if self.study not in (None, name):
            raise OutOfScope(
                f"This key is for the study {self.study!r} only, and this concerns {name!r}. "
                "Use a key of the whole project."
            )

    @property
    def has_key(self) -> bool:
        """Whether it got in by a key."""
        return self.name not in (SERVER.name, OPEN.name, COMMAND_LINE.name)

    def within(self, project_id: int) -> Actor:
        """The same actor, turned to another project."""
        return self if project_id == self.project_id else replace(self, project_id=project_id)


SERVER = Actor("server", everywhere=True)
"""The server itself, at what nobody asked for: lapsed leases, fits."""

OPEN = Actor("open", everywhere=True)
"""Whoever reaches a server that asks for no key."""

COMMAND_LINE = Actor("command line", everywhere=True)
"""Whoever may open the database itself."""
