"""Every error as application/problem+json (RFC 9457): the domain's errors, FastAPI's own, and bugs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from reprlib import Repr
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from headway.wire.problem import FieldError, Problem
from headway_server.domain import errors

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
DOCS = "/problems"

STATUS: Mapping[type[errors.HeadwayError], int] = {
    errors.MalformedRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.StudyDeleted: 410,
    errors.StaleEtag: 412,
    errors.PayloadTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.InvalidRequest: 422,
    errors.PreconditionRequired: 428,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
}
"""HTTP status of each branch of the domain's errors."""

MOST_FAULTS = 50
"""How many wrong fields one answer names: a body can hold as many as it has bytes."""

MOST_WORDS = 2_000
"""How long a sentence of it is, characters: names and values in it are as long as the caller likes."""

_excerpt = Repr()
_excerpt.maxstring = _excerpt.maxother = _excerpt.maxlong = 120

DESCRIPTIONS = {
    400: "The request could not be read",
    401: "No valid key",
    403: "The key does not reach that far",
    404: "No such thing, or none that this key may know of",
    406: "No acceptable format can be made",
    409: "The present state does not allow it",
    410: "The study was deleted",
    412: "It has changed since it was read",
    413: "The body is too large",
    415: "The body is not application/json",
    422: "The request's meaning is wrong",
    428: "The header If-Match is missing",
    429: "Too many requests of this kind",
    500: "A bug",
    503: "Try again later",
}


Described = dict[int | str, dict[str, Any]]


def responses(*statuses: int, also: Described | None = None) -> Described:
    """OpenAPI's account of the errors that a route can answer, those of every route among them, and of what
    else it answers.
    """
    return (also or {}) | {
        status: {
            "description": DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*statuses, 401, 403, 404, 429, 500, 503})
    }


def problem_response(error: errors.HeadwayError, request: HTTPConnection) -> Response:
    """The error as a response."""
    status = next(STATUS[branch] for branch in type(error).__mro__ if branch in STATUS)
    return _response(
        request,
        Problem(
            type=f"{DOCS}#{error.slug}",
            title=error.title,
            status=status,
            detail=_cut(error.detail, MOST_WORDS),
            code=error.slug,
            instance=request.url.path,
            errors=tuple(_bounded(field) for field in error.fields[:MOST_FAULTS]),
            retryable=error.retryable,
            docs=f"{DOCS}#{error.slug}",
            action=error.action,
        ),
        retry_after_s=error.retry_after_s,
    )


def install(app: FastAPI) -> None:
    """Make this application answer every error in the one shape."""

    @app.exception_handler(errors.HeadwayError)
    def _known(request: Request, error: errors.HeadwayError) -> Response:
        return problem_response(error, request)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        return problem_response(_from_validation(error), request)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        return problem_response(_from_http(request, error), request)

    @app.exception_handler(Exception)
    def _bug(request: Request, error: Exception) -> Response:
        trace_id = getattr(request.state, "trace_id", None) or uuid4().hex
        log.error("trace %s: %s %s", trace_id, request.method, request.url.path, exc_info=error)
        return _response(
            request,
            Problem(
                type=f"{DOCS}#internal",
                title="A bug in the server",
                status=500,
                detail="This is a bug. Report it with the trace id; the same request may be sent again.",
                code="internal",
                instance=request.url.path,
                trace_id=trace_id,
                docs=f"{DOCS}#internal",
            ),
        )


def _response(request: HTTPConnection, problem: Problem, *, retry_after_s: int = 1) -> Response:
    headers = {"Retry-After": str(retry_after_s)} if problem.retryable else {}
    # A bug's answer goes out around the envelope, which marks all others.
    if request_id := getattr(request.state, "request_id", None):
        headers["X-Request-Id"] = request_id
    if problem.status == 401:
        fault = ', error="invalid_token"' if "authorization" in request.headers else ""
        headers["WWW-Authenticate"] = f'Bearer realm="headway"{fault}'
    return Response(
        problem.model_dump_json(exclude_none=True), problem.status, headers=headers, media_type=MEDIA_TYPE
    )


def _from_validation(error: RequestValidationError) -> errors.HeadwayError:
    faults = error.errors()
    for fault in faults:
        if fault["type"] == "json_invalid":
            position = fault["loc"][-1]
            reason = fault.get("ctx", {}).get("error", "")
            return errors.MalformedRequest(
                f"The body is not JSON: {reason} at character {position}. Send a JSON object."
            )
    return errors.ValidationFailed.over([_field(fault) for fault in faults[:MOST_FAULTS]])


def _field(fault: Mapping[str, Any]) -> FieldError:
    where, *path = fault["loc"]
    steps = [_cut(str(part)) for part in path if not _is_union_tag(part)]
    pointer = "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)
    given = "" if fault["type"] == "missing" else f" Got {_short(fault.get('input'))}."
    name = pointer if where == "body" else f"{where} parameter {_cut('.'.join(map(str, path)))!r}"
    return FieldError(
        pointer=pointer or "/",
        message=f"{name or 'The body'} is not valid.{given}",
        hint=f"{_cut(fault['msg'])}.",
    )


def _is_union_tag(part: object) -> bool:
    """Pydantic names the branch of a union in the path (`float`, `MeasuredValue`); JSON has no such step."""
    return isinstance(part, str) and (part in _UNION_TAGS or part.startswith(("function-", "constrained-")))


_UNION_TAGS = frozenset({"float", "int", "bool", "str", "MeasuredValue", "categorical", "boolean"})


def _short(value: object) -> str:
    text = _excerpt.repr(value).encode("ascii", "backslashreplace").decode()
    return _cut(text)


def _cut(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _bounded(field: FieldError) -> FieldError:
    return FieldError(
        pointer=_cut(field.pointer, MOST_WORDS),
        message=_cut(field.message, MOST_WORDS),
        hint=_cut(field.hint, MOST_WORDS),
    )


def _from_http(request: Request, error: HTTPException) -> errors.HeadwayError:
    path = request.url.path[:200]
    if error.status_code == 404:
        return errors.NotFound(f"There is nothing at {path!r}. The API's paths are listed in /openapi.json.")
    if error.status_code == 405:
        return errors.MethodNotAllowed(f"{path!r} does not take {request.method}.")
    if error.status_code == 400:
        return errors.MalformedRequest(f"The request could not be read: {error.detail}")
    raise AssertionError(f"no problem for status {error.status_code}") from error
