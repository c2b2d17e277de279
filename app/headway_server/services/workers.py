"""Who works on the studies of a project."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from headway.wire.workers import HeldLease, WorkerError, WorkerPage, WorkerView
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork
from headway_server.storage.workers import Holding

LATELY = timedelta(hours=1)
"""What throughput is counted over."""

MESSAGE_LENGTH = 500
"""Of an error's message: the trial has the rest."""


def page(database: Database, cursor: str | None, limit: int, seen_within_s: float) -> WorkerPage:
    """Up to `limit` workers by name, after the one that the cursor names, that have been seen within so many
    seconds. Those that gave no name are not among them.
    """

    def work(uow: UnitOfWork) -> WorkerPage:
        found = uow.workers.page(
            cursor or "",
            limit + 1,
            seen_since=uow.now - timedelta(seconds=seen_within_s),
            lately=uow.now - LATELY,
        )
        shown = found[:limit]
        names = [one.worker for one in shown]
        held: dict[str, list[Holding]] = defaultdict(list)
        for lease in uow.workers.held(names):
            held[lease.worker].append(lease)
        errors = {
            one.worker: WorkerError.model_validate(one).model_copy(
                update={"message": one.message and one.message[:MESSAGE_LENGTH]}
            )
            for one in uow.workers.failures(names)
        }
        return WorkerPage(
            workers=tuple(
                WorkerView(
                    worker=one.worker,
                    alive=any(lease.expires_at > uow.now for lease in held[one.worker]),
                    held=tuple(HeldLease.model_validate(lease) for lease in held[one.worker]),
                    first_seen=one.first_seen,
                    last_seen=one.last_seen,
                    attempts=one.attempts,
                    finished=one.finished,
                    expired=one.expired,
                    finished_last_h=one.finished_lately,
                    last_error=errors.get(one.worker),
                )
                for one in shown
            ),
            next_cursor=names[-1] if len(found) > limit else None,
        )

    return database.snapshot(work)
