"""GET /v1/limits: how much of everything the server takes."""

from __future__ import annotations

from typing import Literal

from headway.wire.base import Response

Bucket = Literal["suggest", "finish", "heartbeat", "measurement", "read", "write"]
"""Each kind of request has a rate of its own, so that none starves another: `suggest`; `finish` and
`release`; `heartbeat`; intermediate values; every GET; everything else."""


class RateView(Response):
    """How often a key may ask one server process."""

    per_s: float
    """Requests a second, in the long run."""
    burst: int
    """Requests at once, after a pause."""


class Limits(Response):
    """What a caller can count on."""

    body_bytes: int
    """Largest request body."""
    import_bytes: int
    """Largest exported study that is read in again."""
    count: int
    """Trials that one suggest hands out."""
    parameters: int
    """Of a space."""
    constraints: int
    """Of a space."""
    choices: int
    """Of a categorical parameter."""
    objectives: int
    """Of a study."""
    outcome_constraints: int
    """Of a study."""
    budget: int
    """Trials of a study."""
    import_rows: int
    """Rows of one observations:batch."""
    predicted_points: int
    """Of one model:predict."""
    page: int
    """Entries of one page of a list."""
    max_points: int
    """Entries of a downsampled column."""
    lease_s: tuple[float, float]
    """Shortest and longest lease, seconds."""
    wait_ms: int
    """How long a suggest may be held, milliseconds."""
    tombstone_days: int
    """How long a deleted study says so, and keeps its name."""
    rates: dict[Bucket, RateView]
    """By kind of request; one that is missing has none. Empty where no key is asked for."""
