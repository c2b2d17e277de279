"""Who may do what: projects, keys, and the record of who changed what."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from headway.wire.base import NO_NUL, Moment, Request, Response
from headway.wire.study import StudyName

Role = Literal["viewer", "worker", "editor", "admin"]
"""Each may do what those before it may: a viewer reads; a worker also joins studies and asks for, reports and
gives back trials; an editor also creates and changes studies; an admin also hands out keys."""

ProjectName = StudyName
"""1 to 64 letters, digits, dots, underscores and hyphens, starting with a letter or a digit."""

Label = Annotated[str, Field(max_length=128, pattern=NO_NUL)]


class ProjectCreate(Request):
    """Body of POST /v1/projects."""

    name: ProjectName
    notes: Annotated[str, Field(max_length=10_000, pattern=NO_NUL)] = ""


class ProjectPatch(Request):
    """Body of PATCH /v1/projects/{p}: what is to change."""

    name: ProjectName | None = None
    notes: Annotated[str, Field(max_length=10_000, pattern=NO_NUL)] | None = None


class ProjectView(Response):
    """A project: its studies and keys are its own."""

    name: str
    notes: str
    studies: int
    """How many there are."""
    created_at: Moment


class ProjectPage(Response):
    """Projects by name."""

    projects: tuple[ProjectView, ...]
    next_cursor: str | None = None


class KeyCreate(Request):
    """Body of POST /v1/projects/{p}/keys."""

    role: Role
    study: StudyName | None = None
    """The only study that the key sees; None: every study of the project."""
    expires_in_s: Annotated[float, Field(gt=0, le=timedelta(days=3660).total_seconds())] | None = None
    """None: never."""
    name: Label = ""
    """For people: whose it is, or what for."""


class KeyView(Response):
    """A key, without its secret."""

    id: str
    """The part of the token that may be shown: hw_<id>_…"""
    project: str | None
    """None: a key of the whole installation."""
    name: str
    role: Role
    study: str | None
    created_at: Moment
    created_by: str
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None
    """Within a minute."""


class CreatedKey(KeyView):
    """Answer to POST /v1/projects/{p}/keys."""

    token: str | None = None
    """The whole key. It is shown this once: the server keeps a hash of it. None in a repeat of the request
    under its Idempotency-Key: where the first answer was lost, revoke the key by its id and make another."""


class KeyPage(Response):
    """Keys in order of creation."""

    keys: tuple[KeyView, ...]
    next_cursor: str | None = None


class AuditEntry(Response):
    """A change: who made it, when, to what."""

    at: Moment
    actor: str | None
    """A key's id; `open` where the server asked for no key; `command line`; `server` where it acted by
    itself. None: from before the server kept account."""
    key_name: str | None
    """Name of the key, where it was one."""
    request_id: str | None
    type: str
    """As in the study's events: trial.completed, study.created, …; and key.created, project.created, …"""
    project: str | None
    study: str | None
    trial: int | None
    data: dict[str, object] = Field(default_factory=dict)


class AuditPage(Response):
    """Changes, the newest first."""

    entries: tuple[AuditEntry, ...]
    next_cursor: str | None = None
