"""The least role of each route: `dependencies=[viewer]` where the route is declared, and nowhere else.

A role may do what those before it may: viewer < worker < editor < admin. `public` is for everybody. An
application with a route that states none does not start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Query
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from headway.wire.access import Role
from headway_server.api.context import base_context
from headway_server.api.identity import NO_KEY, identify
from headway_server.domain.access import Actor
from headway_server.domain.errors import NotFound, Unauthenticated

ProjectQuery = Annotated[
    str | None,
    Query(
        max_length=64, description="The project, for a key of the whole installation; a key's own otherwise"
    ),
]


@dataclass(frozen=True)
class Least:
    """Lets in actors of this role or more, turned to the project that the request names."""

    role: Role

    async def __call__(self, connection: HTTPConnection, project: ProjectQuery = None) -> None:
        """Check the request's actor.

        Raises:
            Unauthenticated: there is none.
            RoleTooLow: naming the role that it takes.
            NotFound: the actor may not know of the project, or there is none.
        """
        route = connection.scope["route"].path
        connection.state.route = route  # for the measurements: a name that no caller can make up
        actor = await identify(connection)
        if actor is None:
            raise Unauthenticated(NO_KEY)
        actor.require(self.role, f"{connection.scope['method']} {route}")
        if project is not None:
            connection.state.actor = await _turned(connection, actor, project)


@dataclass(frozen=True)
class Anybody:
    """Lets everybody in."""

    async def __call__(self) -> None:
        """Nothing to check."""


viewer = Depends(Least("viewer"))
worker = Depends(Least("worker"))
editor = Depends(Least("editor"))
admin = Depends(Least("admin"))
public = Depends(Anybody())


@dataclass(frozen=True)
class Stated:
    """What a route states."""

    path: str
    methods: frozenset[str]
    role: Role | None
    """None: it is for everybody."""
    in_document: bool


def least_roles(app: FastAPI) -> list[Stated]:
    """The least role of every route.

    Raises:
        TypeError: a route states none.
    """
    # The document and its page, and mounted files, are none of ours: nothing of anybody's is in them.
    routes = (one for one in iter_route_contexts(app.routes) if isinstance(one.original_route, APIRoute))
    return [_stated(route) for route in routes]


def _stated(route: RouteContext) -> Stated:
    path = route.path_format or ""
    stated = [one.dependency for one in route.dependencies]
    role = next((one.role for one in stated if isinstance(one, Least)), None)
    if role is None and not any(isinstance(one, Anybody) for one in stated):
        raise TypeError(f"{path} states no least role: add dependencies=[viewer], or another.")
    return Stated(path, frozenset(route.methods or ()), role, in_document=route.include_in_schema)


async def _turned(connection: HTTPConnection, actor: Actor, project: str) -> Actor:
    keyring = base_context(connection).keyring
    try:
        found = keyring.recall_project(project)
        if found is None:
            found = await run_in_threadpool(keyring.look_up_project, project)
    except NotFound:
        raise _unknown(project) from None
    if found != actor.project_id and not actor.everywhere:
        raise _unknown(project)
    return actor.within(found)


def _unknown(project: str) -> NotFound:
    return NotFound(f"There is no project {project!r} for this key. Leave `project` out.")
