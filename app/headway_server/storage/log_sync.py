"""Commits that outlast a power cut, where nobody else waits for a lock while the disk is at work.

Left to themselves, both databases sync their write-ahead log within each commit, before they let its locks
go. Here commits don't wait for the disk (SQLite: `synchronous = NORMAL`, which leaves that to checkpoints and
keeps the file sound, see its "Write-Ahead Logging", section 3.3; PostgreSQL: `synchronous_commit = off`, see
its chapter "Asynchronous Commit"). Who needs one to last syncs the log afterwards: the next writer is under
way meanwhile, and many commits may share a sync.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from psycopg import Connection

_FLUSH = b"SET LOCAL synchronous_commit TO DEFAULT; SELECT pg_logical_emit_message(true, 'headway', '')"
"""A transaction that changes nothing and leaves a record in the log, so that its commit waits for the disk,
and for standbys where the server is set up to; what was committed before stands before it in the log."""


def commit_without_waiting(connection: Connection) -> None:
    """PostgreSQL: from here on, commits of a new connection don't wait for the disk."""
    connection.execute("SET synchronous_commit TO OFF")
    connection.commit()


def flush(connection: Connection) -> None:
    """PostgreSQL: return once what this connection has committed outlasts a power cut.

    It must be the connection that committed: one to a server that has crashed since, and may have lost the
    commit, is closed.

    Raises:
        psycopg.Error: the server did not confirm it.
    """
    connection.autocommit = True
    try:
        connection.execute(_FLUSH, prepare=False)  # one message, so one transaction
    finally:
        if not connection.closed:
            connection.autocommit = False


class LogSync:
    """SQLite: syncs the write-ahead log of a database file. Thread-safe.

    Args:
        database: the file.
    """

    def __init__(self, database: Path) -> None:
        real = database.resolve()  # SQLite keeps its log beside the file that a link leads to
        self._log = real.with_name(f"{real.name}-wal")
        self._counting = threading.Lock()
        self._asked = 0
        self._syncing = threading.Lock()
        self._done = 0
        self._named: int | None = None
        """The log's file number when its name was synced."""
        self.fdatasync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)
        """What brings an open file's content to the disk."""

    def __call__(self) -> None:
        """Return once all that was committed before this call outlasts a power cut.

        Raises:
            OSError: the disk did not take it.
        """
        with self._counting:
            self._asked += 1
            mine = self._asked
        with self._syncing:
            if self._done >= mine:  # somebody's sync began after this call
                return
            covered = self._asked
            self._sync()
            self._done = covered

    def _sync(self) -> None:
        try:
            log = os.open(self._log, os.O_RDWR)
        except FileNotFoundError:  # the last connection has closed, which moved all of it into the database
            return
        try:
            self.fdatasync(log)
            number = os.fstat(log).st_ino
        finally:
            os.close(log)
        if number != self._named and os.name == "posix":
            folder = os.open(self._log.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # a new file's name is the folder's content
            finally:
                os.close(folder)
            self._named = number
