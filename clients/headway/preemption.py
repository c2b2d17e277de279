"""SIGTERM as an orderly end: what is held is given back, and no result is cut off half-way."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

Handler = Callable[[int, FrameType | None], object]


class Preempted(SystemExit):
    """SIGTERM came. Ends the process with status 143 unless it is caught."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class Preemption:
    """While entered, in the main thread, SIGTERM raises `Preempted`.

    Inside `held_back()` it is only noted and raised at the end of it. A handler that was there before is
    called first. Where SIGTERM is ignored, and in other threads, nothing is installed.
    """

    def __init__(self) -> None:
        self.requested = False
        """SIGTERM came: no more waiting."""
        self._owed = False
        self._holds = 0
        self._pid = os.getpid()
        self._installed = False
        self._previous: Handler | signal.Handlers = signal.SIG_DFL

    def __enter__(self) -> Self:
        previous = signal.getsignal(signal.SIGTERM)
        in_main_thread = threading.current_thread() is threading.main_thread()
        # None: installed by something other than Python, which could not be put back.
        if in_main_thread and previous is not None and previous != signal.SIG_IGN:
            self._previous = previous if callable(previous) else signal.Handlers(previous)
            signal.signal(signal.SIGTERM, self._on_sigterm)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()

    def restore(self) -> None:
        """Put the former handler back; harmless to repeat."""
        # A forgotten generator may be collected in another thread, which can't set handlers.
        if self._installed and threading.current_thread() is threading.main_thread():
            self._installed = False
            if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
                signal.signal(signal.SIGTERM, self._previous)

    def check(self) -> None:
        """Raise what was swallowed: an exception that a signal raises inside a finaliser is ignored there.

        Raises:
            Preempted: SIGTERM came before.
        """
        if self.requested:
            raise Preempted

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Hold SIGTERM back while something must not be cut off half-way: a report, a beginning.

        Raises:
            Preempted: at the end, where it came.
        """
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        if self._owed and self._holds == 0:
            self._owed = False
            raise Preempted

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a forked child is not the worker: it dies as it always did
            signal.signal(signal.SIGTERM, self._previous)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        self.requested = True
        if callable(self._previous):
            self._previous(number, frame)
        if self._holds == 0:
            raise Preempted
        self._owed = True
