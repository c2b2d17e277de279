"""Taking results to the server, or to the spool while it is away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from headway import calls
from headway.calls import AnswerT, Call
from headway.connection import Connection
from headway.errors import ApiError, ConnectionFailed, StudyDeleted
from headway.patience import Patience
from headway.spool import Spool, Spooled
from headway.wire.trial import FinishRequest, FinishResponse

log = logging.getLogger(__name__)

ONE_TRY = Patience(total_s=0.0)


class Link:
    """A connection with the spool beside it: contact with the server delivers what was kept."""

    def __init__(self, connection: Connection, spool: Spool) -> None:
        self.connection = connection
        self.spool = spool

    def ask(self, call: Call[AnswerT], *, hurry: Callable[[], bool] | None = None) -> AnswerT:
        """Send a call, and on success what is in the spool.

        Raises:
            what `Connection.send` raises.
        """
        answer = self.connection.send(call, hurry=hurry)
        self._deliver_spool()
        return answer

    def finish(
        self, study: str, number: int, result: FinishRequest, *, hurry: Callable[[], bool] | None = None
    ) -> FinishResponse | None:
        """Report a result; None where it went to the spool. Once called, the result is not lost.

        Raises:
            ApiError: the server refused the result.
            StudyDeleted: it will never take it; it is in the spool's file of refused ones.
        """
        try:
            return self.ask(calls.finish(study, number, result), hurry=hurry)
        except BaseException as error:
            entry = Spooled(study=study, number=number, result=result)
            if isinstance(error, StudyDeleted):  # nothing that the caller could change would be taken
                self._keep(partial(self.spool.keep_refused, entry, error.problem.detail), entry, error)
                raise
            if isinstance(error, ApiError) and not error.server_is_away:
                raise
            self._keep(partial(self.spool.add, entry), entry, error)
            if not isinstance(error, ApiError | ConnectionFailed):  # Ctrl-C, or a bug
                raise
            log.warning(
                "the result of trial %d of %s is in %s and goes out at the next contact: %s",
                number,
                study,
                self.spool.path,
                error,
            )
            return None

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _keep(self, keep: Callable[[], None], entry: Spooled, error: BaseException) -> None:
        """Put a result onto the disk; where that refuses it, into the log, and raise the failure."""
        try:
            keep()
        except OSError as refused:
            log.critical("%s: %s; the result is %s", self.spool.path, refused, entry.result.metrics)
            raise error from refused

    def _deliver_spool(self) -> None:
        try:
            delivered = self.spool.deliver(self._deliver)
        except OSError as error:  # a spool that can't be read must not spoil a call that went well
            log.warning("the spool could not be delivered: %s", error)
            return
        if delivered:
            log.info("%d spooled results were delivered", delivered)

    def _deliver(self, entry: Spooled) -> None:
        self.connection.send(calls.finish(entry.study, entry.number, entry.result), patience=ONE_TRY)
