"""Taking results to the server, or to the spool while it is away."""

from __future__ import annotations

import logging
from collections.abc import Callable

from headway import calls
from headway.calls import AnswerT, Call
from headway.connection import Connection
from headway.errors import ApiError, ConnectionFailed
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
        if delivered := self.spool.deliver(self._deliver):
            log.info("%d spooled results were delivered", delivered)
        return answer

    def finish(
        self, study: str, number: int, result: FinishRequest, *, hurry: Callable[[], bool] | None = None
    ) -> FinishResponse | None:
        """Report a result; None where it went to the spool. Once called, the result is not lost.

        Raises:
            ApiError: the server refused the result.
        """
        try:
            return self.ask(calls.finish(study, number, result), hurry=hurry)
        except BaseException as error:
            if isinstance(error, ApiError) and not error.server_is_away:
                raise
            self.spool.add(Spooled(study=study, number=number, result=result))
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

    def _deliver(self, entry: Spooled) -> None:
        self.connection.send(calls.finish(entry.study, entry.number, entry.result), patience=ONE_TRY)
