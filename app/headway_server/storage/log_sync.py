"""Commits of SQLite that outlast a power cut, at one sync of its write-ahead log for all who wait for one.

With `synchronous = FULL` SQLite syncs the log within each commit, while the next writer waits for the lock.
With NORMAL it leaves that to the checkpoints, which keep the file sound (SQLite's documentation, "Write-Ahead
Logging", section 3.3). Who needs a commit to last does the same sync afterwards, as here: many commits may
share one, and the next writer is under way meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path


class LogSync:
    """Syncs the write-ahead log of a database file. Thread-safe.

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
