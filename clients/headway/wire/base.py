"""The two kinds of message, and the scalar types that all of them share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

ParamValue = bool | int | float | str
"""A parameter's value as it travels: JSON keeps the four apart, and so does pydantic's smart mode."""

NO_NUL = r"^[^\x00]*$"
"""Text without the character NUL, which PostgreSQL can't store."""

Params = dict[str, ParamValue]
"""A point of the search space: parameter name → value."""


def rfc3339(moment: datetime) -> str:
    """As it travels: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
"""A time stamp: RFC 3339, UTC, milliseconds."""


class Request(BaseModel):
    """What a caller sends. Unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Response(BaseModel):
    """What the server answers. Unknown fields are ignored, so that the server may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True, from_attributes=True)


class Nothing(Response):
    """An answer without a body (204)."""
