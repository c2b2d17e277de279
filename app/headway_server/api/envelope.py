"""What surrounds every request and answer: ids, security headers, the log's line, measurements."""

from __future__ import annotations

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway_server.api.metrics import Metrics
from headway_server.logs import RequestIds, current
from headway_server.tracing import current_trace_id

log = logging.getLogger("headway_server.requests")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
"""W3C Trace Context, level 1."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Of every answer that does not say otherwise itself: pages have a policy of their own."""
HSTS = "max-age=31536000"


class Envelope:
    """The outermost middleware.

    Args:
        app: what it surrounds.
        metrics: where requests are counted and timed.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        ids = _ids(Headers(scope=scope))
        state = scope.setdefault("state", {})
        state |= {"request_id": ids.request_id, "trace_id": ids.trace_id}
        token = current.set(ids)
        status = 500  # what the server answers where a bug leaves none

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _mark(MutableHeaders(scope=message), ids, secure=scope["scheme"] == "https")
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.request(scope["method"], state.get("route", ""), status, seconds)
            _note(scope, status, seconds)
            current.reset(token)


def _ids(headers: Headers) -> RequestIds:
    given = headers.get("x-request-id", "")
    request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    trace_id = current_trace_id()
    if trace_id is None:
        parent = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
        trace_id = parent[1] if parent else secrets.token_hex(16)
    return RequestIds(request_id, trace_id)


def _mark(headers: MutableHeaders, ids: RequestIds, *, secure: bool) -> None:
    headers["X-Request-Id"] = ids.request_id
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    if secure:
        headers.setdefault("Strict-Transport-Security", HSTS)


def _note(scope: Scope, status: int, seconds: float) -> None:
    """The log's line: what was asked and answered, and by whom; never a body, a query or a key."""
    if not log.isEnabledFor(logging.INFO):
        return
    actor = scope["state"].get("actor")
    fields = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(seconds * 1000, 2),
        "actor": None if actor is None else actor.name,
    }
    log.info("%s %s %d", scope["method"], scope["path"], status, extra={"fields": fields})
