"""Projects and their keys over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from headway.wire.access import (
    CreatedKey,
    KeyCreate,
    KeyPage,
    KeyView,
    ProjectCreate,
    ProjectPage,
    ProjectPatch,
    ProjectView,
)
from headway_server.api.access import admin
from headway_server.api.context import Context
from headway_server.api.once import OnceUnderKey
from headway_server.api.problems import responses
from headway_server.api.studies import Cursor, Limit
from headway_server.services import keys, projects

router = APIRouter(prefix="/v1/projects", tags=["projects"])

Name = Annotated[str, Path(max_length=64, description="The project's name")]
KeyId = Annotated[str, Path(max_length=32, description="The key's id: hw_<id>_…")]


@router.post(
    "",
    dependencies=[admin],
    status_code=201,
    responses=responses(
        400, 409, 413, 415, 422, also={200: {"model": ProjectView, "description": "It was here already"}}
    ),
)
def create_project(asked: ProjectCreate, once: OnceUnderKey, response: Response) -> ProjectView:
    """Make a project. Takes a key of the whole installation."""
    project, created = once(projects.create_or_get, asked)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/projects/{project.name}"
    return project


@router.get("", dependencies=[admin], responses=responses(422))
def list_projects(context: Context, cursor: Cursor = None, limit: Limit = 100) -> ProjectPage:
    """Projects by name: the key's own, or all of them for a key of the whole installation."""
    return projects.page(context.database, cursor, limit)


@router.get("/{name}", dependencies=[admin], responses=responses(422))
def read_project(name: Name, context: Context) -> ProjectView:
    """One project."""
    return projects.read(context.database, name)


@router.patch("/{name}", dependencies=[admin], responses=responses(400, 409, 413, 415, 422))
def change_project(name: Name, patch: ProjectPatch, once: OnceUnderKey) -> ProjectView:
    """Rename a project, or change its notes."""
    return once(projects.change, name, patch)


@router.delete("/{name}", dependencies=[admin], status_code=204, responses=responses(409, 422))
def delete_project(name: Name, context: Context) -> None:
    """Delete a project without studies, and its keys. Takes a key of the whole installation."""
    projects.delete(context.database, name)


@router.post(
    "/{name}/keys", dependencies=[admin], status_code=201, responses=responses(400, 409, 413, 415, 422)
)
def create_key(name: Name, asked: KeyCreate, once: OnceUnderKey, response: Response) -> CreatedKey:
    """Make a key. The token is shown this once: a repeat under the same Idempotency-Key names the key without
    it.
    """
    key = once.without("token", keys.create, name, asked)
    response.headers["Location"] = f"/v1/projects/{name}/keys/{key.id}"
    response.headers["Cache-Control"] = "no-store"
    return key


@router.get("/{name}/keys", dependencies=[admin], responses=responses(422))
def list_keys(name: Name, context: Context, cursor: Cursor = None, limit: Limit = 100) -> KeyPage:
    """The project's keys in order of creation, revoked ones too."""
    return keys.page(context.database, name, cursor, limit)


@router.get("/{name}/keys/{key}", dependencies=[admin], responses=responses(422))
def read_key(name: Name, key: KeyId, context: Context) -> KeyView:
    """One key, without its secret."""
    return keys.read(context.database, name, key)


@router.delete("/{name}/keys/{key}", dependencies=[admin], status_code=204, responses=responses(422))
def revoke_key(name: Name, key: KeyId, context: Context) -> None:
    """Revoke a key. Within seconds no server takes it any more."""
    keys.revoke(context.database, name, key)
    context.keyring.forget(key)
