"""Whether the server lives, and whether it is ready to work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError

from headway.wire.base import Response as WireResponse
from headway_server.api.access import public
from headway_server.api.context import BareContext
from headway_server.storage.schema import known_revision, present_revision

router = APIRouter(tags=["health"])


class Health(WireResponse):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(WireResponse):
    """Which part is ready, by name."""

    status: Literal["ready", "not-ready"]
    parts: dict[str, bool]


@router.get("/healthz", dependencies=[public])
def healthz() -> Health:
    """The process lives."""
    return Health()


@router.get(
    "/readyz",
    dependencies=[public],
    responses={503: {"model": Readiness, "description": "A part is not ready"}},
)
def readyz(context: BareContext, response: Response) -> Readiness:
    """Database and engine are there."""
    try:
        database = present_revision(context.database) == known_revision()
    except SQLAlchemyError:
        database = False
    parts = {"database": database, "engine": context.host.ready}
    if not all(parts.values()):
        response.status_code = 503
    return Readiness(status="ready" if all(parts.values()) else "not-ready", parts=parts)
