"""The connection to SQLite or PostgreSQL, and the transaction that every command runs in."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from headway_server.domain.access import SERVER, Actor
from headway_server.domain.errors import DatabaseUnavailable
from headway_server.storage.clock import Clock
from headway_server.storage.log_sync import LogSync, commit_without_waiting, flush
from headway_server.storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPTS = 3
"""How often a transaction is tried when the database itself breaks it off."""

LOCK_TIMEOUT_S = 2.0
"""PostgreSQL: how long a command waits for a study's lock before it answers 503."""

BUSY_TIMEOUT_S = 30.0
"""SQLite: how long a writer waits for other processes' transactions. Those are short, but whoever waits does
not stand in a queue: it tries again every tenth of a second. Below the client's patience with an answer."""

BETWEEN_TRIES_S = 0.5
"""Until a database that is away is tried again by a server that starts."""

_WORTH_REPEATING = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "23505",  # unique violation: another transaction was first; its row is seen the second time
}
_LOCK_NOT_AVAILABLE = "55P03"
_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PROTOCOL,  # a reader that found every try at the log's index in somebody's way
}


Watch = Callable[[str, float, Sequence[str]], None]
"""Told of every transaction: read or write, its seconds, and the types of the events that it committed."""


class Wrap(Protocol):
    """Makes one command of another: what it did, and more in the same transaction."""

    def __call__(self, work: Callable[[UnitOfWork], T], /) -> Callable[[UnitOfWork], T]:
        """The command that takes the place of `work`."""


class Database:
    """Runs commands as transactions, for the server itself unless `acting` says for whom.

    Args:
        url: `sqlite:///path` or `postgresql://…`.
        clock_offset: added to the database's time; tests let leases expire with it.
    """

    def __init__(self, url: str, *, clock_offset: timedelta = timedelta()) -> None:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed.render_as_string(hide_password=False)
        self.clock_offset = clock_offset
        self.actor = SERVER
        self.watch: Watch | None = None
        self.wrap: Wrap | None = None
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.sqlite_path = Path(parsed.database) if self.is_sqlite and parsed.database else None
        self.sync_log = None if self.sqlite_path is None else LogSync(self.sqlite_path)
        # SQLite has one writer; its own waiting is a sleep that grows, so threads queue here instead.
        self._writer = threading.Lock() if self.is_sqlite else nullcontext()
        self._engine = _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url)
        self._snapshot_engine = (
            self._engine
            if self.is_sqlite
            else self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )

    def acting(self, actor: Actor) -> Database:
        """The same database, whose commands are that actor's: they see what it may see, and bear its name."""
        view = copy(self)
        view.actor = actor
        return view

    def around(self, wrap: Wrap) -> Database:
        """The same database, with something done in the transaction of each of its commands."""
        view = copy(self)
        view.wrap = wrap
        return view

    def read(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run queries. SQLite shows them one snapshot, PostgreSQL what is committed at each of them.

        Raises:
            DatabaseUnavailable: the database is away.
        """
        return self._run(self._engine, work, "read")

    def snapshot(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run queries that all see one moment, on either database.

        Raises:
            DatabaseUnavailable: the database is away.
        """
        return self._run(self._snapshot_engine, work, "read")

    def write(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run a command as one transaction and commit it. What is committed outlasts a power cut, unless the
        command says that nobody will be told of it (`UnitOfWork.may_be_lost`).

        A deadlock, a serialization failure, a row that another transaction inserted first or a connection
        lost before the commit repeats it, at most three times: allowed because every command is idempotent
        until its commit.

        Raises:
            DatabaseUnavailable: the database is away, or a lock did not come in time.
            what `work` raises; nothing is changed then.
        """
        work = work if self.wrap is None else self.wrap(work)
        with self._writer:
            result, to_last = self._run(self._engine, partial(_to_last, work), "write")
        if to_last:
            self._make_last()
        return result

    def patiently(self, work: Callable[[], T], patience_s: float) -> T:
        """What `work` returns, tried again while PostgreSQL is away. A file does not come back by itself.

        Raises:
            DatabaseUnavailable: it has been away for so many seconds.
        """
        until = time.monotonic() + patience_s
        for attempt in count():
            try:
                return work()
            except (DatabaseUnavailable, OperationalError) as error:
                if self.is_sqlite or time.monotonic() > until:
                    raise DatabaseUnavailable(
                        f"The database can't be reached: {_first_line(error)} Is HEADWAY_DATABASE_URL right, "
                        "and the database running?"
                    ) from error
                if attempt == 0:
                    log.warning("waiting for the database: %s", _first_line(error))
            time.sleep(BETWEEN_TRIES_S)
        raise AssertionError("unreachable")

    def connection(self) -> Connection:
        """A plain connection, for migrations and probes. The caller closes it."""
        return self._engine.connect()

    @contextmanager
    def migration_connection(self) -> Iterator[Connection]:
        """A transaction in which tables may be built anew.

        SQLite changes a table by copying it and dropping the old one, whose rows are thereby deleted: with
        foreign keys in force, so would be all that hang on them. They are checked at the end instead.
        """
        # A writer from the start: SQLite refuses at once, however long it may wait, to let a transaction
        # write that has read what another one has changed since. Two servers on one new file do that.
        with self._engine.connect() as connection:
            if not self.is_sqlite:
                with connection.begin():
                    yield connection
                _flush(connection)
                return
            raw = connection.connection.driver_connection
            if raw is None:
                raise AssertionError("the connection was closed under us")
            raw.execute("PRAGMA foreign_keys = OFF")  # says nothing within a transaction
            try:
                with connection.begin():
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                    yield connection
                    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                        raise AssertionError(f"the migration left rows that hang on nothing: {broken[:3]}")
            finally:
                raw.execute("PRAGMA foreign_keys = ON")
        self._make_last()

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()

    def _make_last(self) -> None:
        """SQLite: see to it that what was committed outlasts a power cut."""
        if self.sync_log is None:
            return
        try:
            self.sync_log()
        except OSError as error:
            raise DatabaseUnavailable(
                f"The disk did not confirm what was written ({error.strerror}). Repeat the request."
            ) from error

    def _run(self, engine: Engine, work: Callable[[UnitOfWork], T], kind: str) -> T:
        started = time.perf_counter()
        committed: Sequence[str] = ()
        try:
            for attempt in range(1, ATTEMPTS + 1):
                committing = False
                try:
                    with engine.connect() as connection:
                        with connection.begin():
                            if self.is_sqlite:
                                connection.exec_driver_sql("BEGIN IMMEDIATE" if kind == "write" else "BEGIN")
                            uow = UnitOfWork(connection, Clock(connection, self.clock_offset), self.actor)
                            result = work(uow)
                            if kind == "write":
                                uow.flush()
                            committing = True
                        if kind == "write" and uow.to_last and not self.is_sqlite:
                            _flush(connection)
                except DBAPIError as error:
                    # A connection from the pool may have died since it was used: asking each of them first
                    # would cost a round trip a transaction. Of a commit nobody can say what became of it.
                    lost = error.connection_invalidated and not committing
                    if attempt < ATTEMPTS and (lost or _sqlstate(error) in _WORTH_REPEATING):
                        continue
                    if _is_away(error):
                        raise DatabaseUnavailable(
                            "The database did not answer in time. Nothing was changed; repeat the request."
                        ) from error
                    raise
                else:
                    committed = uow.events.recorded
                    return result
            raise AssertionError("unreachable")
        finally:
            if self.watch is not None:
                self.watch(kind, time.perf_counter() - started, committed)


def _flush(connection: Connection) -> None:
    """PostgreSQL: see to it that what this connection has committed outlasts a power cut."""
    raw: Any = connection.connection.driver_connection
    try:
        flush(raw)
    except psycopg.Error as error:
        connection.invalidate()
        raise DatabaseUnavailable(
            "The database did not confirm what was written. Repeat the request."
        ) from error


def _to_last(work: Callable[[UnitOfWork], T], uow: UnitOfWork) -> tuple[T, bool]:
    """What `work` returns, and whether its commit is to outlast a power cut."""
    result = work(uow)
    return result, uow.to_last


def _first_line(error: Exception) -> str:
    """What a database error says, without the query."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said).strip().partition("\n")[0]


def _is_away(error: DBAPIError) -> bool:
    """Whether the database is away or too busy, rather than asked something that makes no sense."""
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in _SQLITE_AWAY
    return isinstance(error, OperationalError) or _sqlstate(error) == _LOCK_NOT_AVAILABLE


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # BEGIN is ours, of either kind, said where a transaction begins: a listener for that would make
        # SQLAlchemy look for listeners at every statement.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # `Database.write` syncs what somebody is told of
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


def _postgres_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=16,
        max_overflow=32,
        pool_use_lifo=True,  # few connections do most of the work, and know its statements prepared
        connect_args={"connect_timeout": 5, "options": f"-c lock_timeout={int(LOCK_TIMEOUT_S * 1000)}"},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        commit_without_waiting(connection)  # `Database.write` flushes what somebody is told of

    return engine
