"""Workers over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from headway.wire.base import NO_NUL
from headway.wire.workers import WorkerPage
from headway_server.api.access import viewer
from headway_server.api.context import Context
from headway_server.api.problems import responses
from headway_server.api.studies import Limit
from headway_server.services import workers

router = APIRouter(prefix="/v1/workers", tags=["workers"])

DAY_S = 24 * 3600
LONGEST_S = 10 * 365 * DAY_S

SeenWithin = Annotated[float, Query(gt=0, le=LONGEST_S, description="Seconds; a day by default")]


@router.get("", dependencies=[viewer], responses=responses(422))
def list_workers(
    context: Context,
    cursor: Annotated[
        str | None,
        Query(max_length=128, pattern=NO_NUL, description="`next_cursor` of the page before"),
    ] = None,
    limit: Limit = 100,
    seen_within_s: SeenWithin = DAY_S,
) -> WorkerPage:
    """The workers of the project's studies by name: who is alive, what each holds and has done, and what went
    wrong last.
    """
    return workers.page(context.database, cursor, limit, seen_within_s)
