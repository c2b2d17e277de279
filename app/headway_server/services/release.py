"""A worker gives a trial back: somebody else gets the same point at once."""

from __future__ import annotations

from headway.wire.trial import ReleaseRequest, ReleaseResponse
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def release(database: Database, name: str, number: int, request: ReleaseRequest) -> ReleaseResponse:
    """Return a leased point to the queue. A lease that has passed on has nothing to return: no error.

    Raises:
        NotFound: no such study or trial.
        UnknownLease: the trial never had this token.
    """

    def work(uow: UnitOfWork) -> ReleaseResponse:
        study = uow.studies.lock(name)
        trial = uow.trials.get(study, number)
        was = trial.state
        released = trial.release(request.lease_token, uow.now)
        if trial.state != was:
            uow.events.record(study, "trial.released", uow.now, trial=number)
        return ReleaseResponse(released=released, trial_state=trial.state)

    return database.write(work)
