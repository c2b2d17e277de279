"""The database's clock, by which everything is timed: replicas need not agree on theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from headway_server.storage.column_types import UtcDateTime


class Now(FunctionElement[datetime]):
    """The database's time in whole milliseconds, as the wire carries it: what was told is what was stored."""

    type = UtcDateTime()
    inherit_cache = True
    name = "now_ms"


@compiles(Now, "sqlite")
def _sqlite(_element: Now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f', 'now')"


@compiles(Now, "postgresql")
def _postgres(_element: Now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "date_trunc('milliseconds', clock_timestamp())"


_NOW = select(Now())


class Clock:
    """The time of a transaction: asked once, or told by the query that came first.

    Args:
        connection: in the transaction.
        offset: added to it; tests let leases expire with it.
    """

    def __init__(self, connection: Connection, offset: timedelta) -> None:
        self._connection = connection
        self._offset = offset
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        """The time of the transaction."""
        if self._now is None:
            self._now = self._connection.scalars(_NOW).one() + self._offset
        return self._now

    def told(self, moment: datetime) -> None:
        """The time that came with a query's answer. The first one stands."""
        if self._now is None:
            self._now = moment + self._offset
