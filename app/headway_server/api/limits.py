"""What a request body may be: JSON, and not too large. Judged before anything is parsed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway_server.api.problems import problem_response
from headway_server.domain.errors import HeadwayError, MalformedRequest, PayloadTooLarge, UnsupportedMediaType

_WITH_BODY = {"POST", "PUT", "PATCH"}

CURLS_DEFAULT = "application/x-www-form-urlencoded"
"""What `curl -d` says of every body. It is read as JSON: a shell script must be a full citizen."""


SMALL_BYTES = 64 * 1024
"""Bodies up to this size can't hold enough to be worth looking at."""

MOST_MEMBERS = 1_000
"""Members of one JSON object. No message has nearly as many, and every one too many is an error to tell: in
memory and in the answer, that is a hundred times what it is in the body."""

HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""Where half of a character (a surrogate) is written out: the other half may or may not be beside it."""


class BodyLimits:
    """Middleware that refuses bodies over `max_bytes`, or over what `larger` says of their path (413), and
    other media types than JSON (415).
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, larger: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        limit = self._larger.get(request.url.path, self._max_bytes)
        refused = _refused(request.headers, limit)
        body = b"" if refused else await _read(receive, limit)
        if body is None:
            refused = _too_large(limit)
        elif len(body) > SMALL_BYTES or HALF.search(body):
            refused = await run_in_threadpool(_unfit, body)
        if refused:
            await problem_response(refused, request)(scope, receive, send)
            return
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(_as_json(scope), replay, send)


def _refused(headers: Headers, limit: int) -> HeadwayError | None:
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        return _too_large(limit)
    media_type = headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if media_type not in ("application/json", CURLS_DEFAULT):
        return UnsupportedMediaType(
            f"The body is {media_type[:100]!r}. Send JSON with Content-Type: application/json."
        )
    return None


def _unfit(body: bytes) -> HeadwayError | None:
    """Why a body is refused for an object or a text in it; None for what is no JSON: others will say so."""

    def members(pairs: list[tuple[str, object]]) -> None:
        if len(pairs) > MOST_MEMBERS:
            raise _WideError(len(pairs))

    try:
        json.loads(body, object_pairs_hook=members)
        if HALF.search(body):
            json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        return MalformedRequest(
            f"A text in the body has {error.object[error.start]!a}, half a character, which can't be stored. "
            "Send both halves, or the character itself."
        )
    except _WideError as wide:
        return PayloadTooLarge(
            f"An object in the body has {wide.args[0]} members; {MOST_MEMBERS} are the most. "
            "Send what there are many of as a list."
        )
    except (ValueError, RecursionError):
        return None
    return None


class _WideError(Exception):
    """Ends the reading of a body."""


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is over the limit of {limit} bytes. Send it in parts.")


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None as soon as it is over the limit."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(chunks)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _as_json(scope: Scope) -> Scope:
    """The same request, whose body is said to be JSON: nothing else got this far."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
    return {**scope, "headers": [*headers, (b"content-type", b"application/json")]}
