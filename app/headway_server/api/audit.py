"""Who changed what, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from headway.wire.access import AuditPage
from headway_server.api.access import admin
from headway_server.api.context import Context
from headway_server.api.problems import responses
from headway_server.api.studies import Cursor, Limit
from headway_server.services import audit

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("", dependencies=[admin], responses=responses(422))
def read_audit(
    context: Context,
    connection: Request,
    cursor: Cursor = None,
    limit: Limit = 100,
    study: Annotated[str | None, Query(max_length=64, description="Only what concerns this study")] = None,
) -> AuditPage:
    """Changes, the newest first: who, when, to which study and trial, by which request. Those of the key's
    project; of all, for a key of the whole installation that names no project.
    """
    everything = "project" not in connection.query_params
    return audit.page(context.database, cursor, limit, study, everything=everything)
