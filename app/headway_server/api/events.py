"""A study's events: a stream (text/event-stream), resumable with Last-Event-ID, or JSON page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool

from headway.wire.events import EventPage
from headway_server.api.access import viewer
from headway_server.api.context import AppContext, Context
from headway_server.api.problems import responses
from headway_server.api.studies import Cursor, Limit, StudyName
from headway_server.domain.errors import NotFound, StudyDeleted
from headway_server.services import event_pages
from headway_server.services.history import Happening, events_after, last_seq

router = APIRouter(prefix="/v1/studies/{study}", tags=["events"])

KEEP_ALIVE_S = 15.0
"""A comment goes out after this long without an event, so that proxies keep the stream open."""

HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}

_json = TypeAdapter(Happening)


@router.get(
    "/events",
    dependencies=[viewer],
    response_model=EventPage,
    responses=responses(
        404, 410, 422, also={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}
    ),
)
async def follow_events(  # noqa: PLR0917 (FastAPI passes them by name)
    study: StudyName,
    context: Context,
    cursor: Cursor = None,
    limit: Limit = 100,
    accept: Annotated[str, Header(max_length=1000)] = "*/*",
    last_event_id: Annotated[str | None, Header(max_length=20, pattern=r"^[0-9]{1,18}$")] = None,
) -> Response:
    """Follow a study from now on, or from after the event that Last-Event-ID names; with `Accept:
    application/json`, what happened to it page by page.
    """
    if "application/json" in accept and "text/event-stream" not in accept:
        page = await run_in_threadpool(event_pages.page, context.database, study, cursor, limit)
        return Response(page.model_dump_json(), media_type="application/json", headers={"Vary": "Accept"})
    newest = await run_in_threadpool(last_seq, context.database, study)  # 404 before the stream begins
    start = newest if last_event_id is None else int(last_event_id)
    return StreamingResponse(_stream(context, study, start), media_type="text/event-stream", headers=HEADERS)


async def _stream(context: AppContext, study: str, seq: int) -> AsyncIterator[str]:
    poll_s = context.settings.events_poll_ms / 1000
    quiet_s = 0.0
    yield ": following\n\n"
    while not context.draining.is_set() and await _may_stay(context):
        try:
            news = await run_in_threadpool(events_after, context.database, study, seq)
        except (StudyDeleted, NotFound):
            return
        for happening in news:
            seq = happening.seq
            data = _json.dump_json(happening).decode()
            yield f"id: {seq}\nevent: {happening.type}\ndata: {data}\n\n"
        quiet_s = 0.0 if news else quiet_s + poll_s
        if quiet_s >= KEEP_ALIVE_S:
            quiet_s = 0.0
            yield ": still here\n\n"
        await context.pulse.wait(poll_s)


async def _may_stay(context: AppContext) -> bool:
    """Whether the key that opened the stream is still good: a stream outlives many a revocation."""
    actor = context.database.actor
    return not actor.has_key or await run_in_threadpool(context.keyring.holds, actor)
