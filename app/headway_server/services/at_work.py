"""Who is at work on a study."""

from __future__ import annotations

from dataclasses import dataclass

from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class AtWork:
    """A worker with the trial that it holds."""

    worker: str | None
    trial: int
    attempt: int
    for_s: float
    """How long it has held the lease, seconds."""
    expires_in_s: float


def at_work(database: Database, name: str) -> list[AtWork]:
    """The workers that hold leases, longest first.

    Raises:
        NotFound: no such study.
    """

    def work(uow: UnitOfWork) -> list[AtWork]:
        return [
            AtWork(
                worker=attempt.worker,
                trial=number,
                attempt=attempt.number,
                for_s=(uow.now - attempt.leased_at).total_seconds(),
                expires_in_s=(attempt.expires_at - uow.now).total_seconds(),
            )
            for number, attempt in uow.trials.live_attempts(uow.studies.get(name))
        ]

    return database.read(work)
