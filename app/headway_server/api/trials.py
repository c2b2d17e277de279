"""Trials over HTTP: suggest, heartbeat, finish, read."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from headway.wire.amendments import TrialPatch
from headway.wire.trial import (
    FinishRequest,
    FinishResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    ReleaseRequest,
    ReleaseResponse,
    SuggestRequest,
    SuggestResponse,
    TrialColumns,
    TrialPage,
    TrialView,
)
from headway_server.api.access import editor, viewer, worker
from headway_server.api.context import Context
from headway_server.api.once import REPLAYED, IdempotencyKey, OnceUnderKey
from headway_server.api.problems import responses
from headway_server.api.studies import StudyName
from headway_server.api.trial_query import TrialQuery
from headway_server.domain.errors import Conflict, InvalidRequest
from headway_server.services import trials
from headway_server.services.amending import amend_trial
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.idempotency import RequestKey
from headway_server.services.release import release
from headway_server.services.suggest import Suggested, suggest
from headway_server.services.trial_columns import with_number
from headway_server.storage.database import Database

router = APIRouter(prefix="/v1/studies/{study}", tags=["trials"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The trial's number in its study")]


@router.post(
    "/trials:suggest",
    dependencies=[worker],
    status_code=201,
    responses=responses(
        400,
        404,
        410,
        413,
        415,
        422,
        also={200: {"model": SuggestResponse, "description": "Nothing new was handed out"}},
    ),
)
async def suggest_trials(  # noqa: PLR0917 (FastAPI passes them by name)
    study: StudyName,
    request: SuggestRequest,
    context: Context,
    connection: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> SuggestResponse:
    """Hand out trials; with `wait_ms`, hold the answer `wait` back until it can be `ok` or `done`.

    `wait_ms` may differ between repeats under one key: it is no part of what is asked for.
    """
    context.require_not_draining()
    started = time.perf_counter()
    asked = request.model_copy(update={"wait_ms": 0})
    key = (
        RequestKey.of(f"POST /v1/studies/{study}/trials:suggest", idempotency_key, asked)
        if idempotency_key
        else None
    )
    answered = await _suggest_within(context, study, request, key, connection)
    response.status_code = 201 if answered.response.status == "ok" and not answered.resumed else 200
    if answered.replayed:
        response.headers[REPLAYED] = "true"
    elif response.status_code == 201:
        if not request.wait_ms:  # a held request measures how long there was nothing
            context.metrics.suggested(answered.response, time.perf_counter() - started)
        context.pulse.beat()
    return answered.response


async def _suggest_within(
    context: Context, study: str, request: SuggestRequest, key: RequestKey | None, connection: Request
) -> Suggested:
    deadline = time.monotonic() + request.wait_ms / 1000
    while True:
        answered = await run_in_threadpool(suggest, context.database, context.engine, study, request, key)
        left = deadline - time.monotonic()
        if answered.response.status != "wait" or left <= 0 or context.draining.is_set():
            return answered
        pause = answered.response.retry_after_s or 1.0
        await context.pulse.wait(min(left, pause))
        if await connection.is_disconnected():  # a trial handed out now would reach nobody
            return answered


@router.post(
    "/trials/{number}:finish", dependencies=[worker], responses=responses(400, 404, 409, 410, 413, 415, 422)
)
async def finish_trial(
    study: StudyName, number: Number, result: FinishRequest, context: Context
) -> FinishResponse:
    """Report a result. Safe to repeat; late results are kept."""
    try:
        answered = await run_in_threadpool(finish, context.database, study, number, result)
    except (InvalidRequest, Conflict):
        context.metrics.finished(None)
        raise
    context.metrics.finished(answered)
    context.pulse.beat()
    return answered


@router.post(
    "/trials/{number}:heartbeat",
    dependencies=[worker],
    responses=responses(400, 404, 409, 410, 413, 415, 422),
)
def heartbeat_trial(
    study: StudyName, number: Number, request: HeartbeatRequest, context: Context
) -> HeartbeatResponse:
    """Renew a lease."""
    return heartbeat(context.database, study, number, request)


@router.post(
    "/trials/{number}:release", dependencies=[worker], responses=responses(400, 404, 409, 410, 413, 415, 422)
)
async def release_trial(
    study: StudyName, number: Number, request: ReleaseRequest, context: Context, once: OnceUnderKey
) -> ReleaseResponse:
    """Give a leased trial back: its point goes to the next worker at once."""
    answered = await run_in_threadpool(once, release, study, number, request)
    context.pulse.beat()
    return answered


@router.get(
    "/trials",
    dependencies=[viewer],
    response_model=TrialPage | TrialColumns,
    responses=responses(404, 410, 422),
)
def list_trials(study: StudyName, asked: Annotated[TrialQuery, Query()], context: Context) -> Response:
    """Trials by number, as rows or as columns; as columns with `max_points`, an overview of all of them."""
    # Written here: FastAPI would look at each of a million cells again.
    return Response(_listed(context.database, study, asked), media_type="application/json")


def _listed(database: Database, study: str, asked: TrialQuery) -> str:
    chosen, fields, exact = asked.chosen, asked.field_names, asked.count == "exact"
    if asked.format == "columns" and asked.max_points is not None:
        return trials.overview(database, study, asked.max_points, chosen, fields=fields).model_dump_json()
    at = (asked.cursor, asked.limit, chosen)
    if asked.format == "columns":
        return trials.columns(database, study, *at, fields=fields, exact=exact).model_dump_json()
    only = {"__all__": set(with_number(fields, list(TrialView.model_fields)))} if fields else True
    page = trials.page(database, study, *at, exact=exact)
    return page.model_dump_json(include={"trials": only, "next_cursor": True, "count": True})


@router.get("/trials/{number}", dependencies=[viewer], responses=responses(404, 410, 422))
def read_trial(study: StudyName, number: Number, context: Context) -> TrialView:
    """One trial with its attempts and results."""
    return trials.read(context.database, study, number)


@router.patch(
    "/trials/{number}", dependencies=[editor], responses=responses(400, 404, 409, 410, 413, 415, 422)
)
def patch_trial(study: StudyName, number: Number, patch: TrialPatch, once: OnceUnderKey) -> TrialView:
    """Note, tag, exclude or correct a trial; its history keeps what was there. Safe to repeat."""
    return once(amend_trial, study, number, patch)
