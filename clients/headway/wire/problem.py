"""Problems: the one shape of every error (RFC 9457, application/problem+json)."""

from __future__ import annotations

from headway.wire.base import Response


class FieldError(Response):
    """What is wrong with one field of the request."""

    pointer: str
    """JSON pointer to the field, e.g. /space/parameters/2/low."""
    message: str
    """What is wrong, with the value."""
    hint: str
    """What to do about it."""


class Problem(Response):
    """Body of every 4xx and 5xx."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    """Slug of the problem; the client's exception is named after it."""
    instance: str | None = None
    errors: tuple[FieldError, ...] = ()
    retryable: bool = False
    trace_id: str | None = None
    docs: str | None = None
    action: str | None = None
    """`stop` where a worker should give up its trial."""
