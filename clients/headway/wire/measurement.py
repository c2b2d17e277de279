"""Intermediate values: what a worker measures while its trial runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, FailFast, Field

from headway.wire.base import Moment, Request, Response

MAX_MEASUREMENTS = 1_000
"""Most measurements of one request."""


class Measurement(Request):
    """Metrics at one step of an evaluation."""

    model_config = ConfigDict(allow_inf_nan=True)

    step: Annotated[int, Field(ge=0, lt=2**53)]
    """How far the work was: an epoch, an iteration, a count of folds."""
    metrics: Annotated[dict[str, float], Field(min_length=1, max_length=64)]
    """Any quantity by name; the first objective's name is the one that early stopping looks at."""
    t: Annotated[float, Field(ge=0, le=1e12)] | None = None
    """Seconds since the work began, by the worker's clock."""


class MeasurementsRequest(Request):
    """Body of POST …/trials/{n}/measurements."""

    lease_token: str
    measurements: Annotated[
        tuple[Measurement, ...], Field(min_length=1, max_length=MAX_MEASUREMENTS), FailFast()
    ]


class MeasurementsResponse(Response):
    """The measurements are durable; and, as with a heartbeat, whether to carry on."""

    stored: int
    """How many were new. A step is written once: a repeat of it changes nothing."""
    action: Literal["continue", "stop"]
    reason: str | None = None
    """Why to stop."""


class MeasurementView(Response):
    """One measurement as the server keeps it."""

    attempt: int
    step: int
    metrics: dict[str, float]
    t: float | None
    received_at: Moment


class MeasurementPage(Response):
    """One page of GET …/trials/{n}/measurements, by attempt and step."""

    measurements: tuple[MeasurementView, ...]
    next_cursor: str | None = None
