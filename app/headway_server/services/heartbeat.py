"""A worker says that it is alive."""

from __future__ import annotations

from headway.wire.trial import HeartbeatRequest, HeartbeatResponse
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def heartbeat(database: Database, name: str, number: int, request: HeartbeatRequest) -> HeartbeatResponse:
    """Renew the lease of a trial.

    Raises:
        NotFound: no such study or trial.
        LeaseSuperseded, UnknownLease: the worker should stop.
    """

    def work(uow: UnitOfWork) -> HeartbeatResponse:
        study = uow.studies.lock(name)
        trial = uow.trials.get(study, number)
        attempt = trial.heartbeat(request.lease_token, uow.now)
        return HeartbeatResponse(
            action="continue" if attempt.stop_reason is None else "stop",
            reason=attempt.stop_reason,
            lease_expires_at=attempt.expires_at,
            expires_in_s=(attempt.expires_at - uow.now).total_seconds(),
        )

    return database.write(work)
