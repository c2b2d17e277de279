"""GET /v1/workers: who works on a project's studies."""

from __future__ import annotations

from headway.wire.base import Moment, Response


class HeldLease(Response):
    """A trial that a worker holds."""

    study: str
    trial: int
    attempt: int
    leased_at: Moment
    expires_at: Moment


class WorkerError(Response):
    """The last trial that a worker reported as failed."""

    study: str
    trial: int
    at: Moment
    reason: str | None
    message: str | None


class WorkerView(Response):
    """A worker, by the name that it gave when it asked for trials."""

    worker: str
    alive: bool
    """Whether it holds a lease that has not run out. One that waits for work holds none."""
    held: tuple[HeldLease, ...]
    """Oldest first."""
    first_seen: Moment
    last_seen: Moment
    """When it last took a trial, sent a heartbeat, or reported or released one."""
    attempts: int
    """Trials that it took, those that it took again among them."""
    finished: int
    """Results that it reported in time."""
    expired: int
    """Leases that it let run out."""
    finished_last_h: int
    """Results of the last hour: its throughput."""
    last_error: WorkerError | None


class WorkerPage(Response):
    """One page of GET /v1/workers, by name."""

    workers: tuple[WorkerView, ...]
    next_cursor: str | None = None
