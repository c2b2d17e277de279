"""Whether the server lives, whether it is ready to work, and what it measures."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from headway.wire.base import Response as WireResponse
from headway_server.api.access import public
from headway_server.api.context import BareContext
from headway_server.storage.schema import known_revision, present_revision

router = APIRouter(tags=["health"])

metrics_router = APIRouter(include_in_schema=False)
"""Part of the application where HEADWAY_METRICS says so."""


class Health(WireResponse):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(WireResponse):
    """Which part is ready, by name."""

    status: Literal["ready", "not-ready"]
    parts: dict[str, bool]
    """`database`: it answers, at this server's schema. `engine`: its process answers. `accepting`: the server
    is not about to stop."""


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
    """Database and engine are there, and the server means to stay."""
    try:
        database = present_revision(context.database) == known_revision()
    except SQLAlchemyError:
        database = False
    parts = {
        "database": database,
        "engine": context.host.ready,
        "accepting": not context.draining.is_set(),
    }
    if not all(parts.values()):
        response.status_code = 503
    return Readiness(status="ready" if all(parts.values()) else "not-ready", parts=parts)


@metrics_router.get("/metrics", dependencies=[public])
def metrics(context: BareContext) -> Response:
    """Everything that is measured, in Prometheus' text format."""
    return Response(generate_latest(context.metrics.registry), media_type=CONTENT_TYPE_LATEST)
