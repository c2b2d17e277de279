"""Keeping a lease alive beside the work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from headway.errors import ApiError, HeadwayError
from headway.wire.trial import HeartbeatResponse

log = logging.getLogger(__name__)

_LAST_BEAT_S = 1.0


class Heartbeat:
    """A thread that says "still here": at once, then at every interval.

    A beat that fails on the way is forgotten; the next one comes anyway, and two may be missed before a
    lease ends. Work that holds Python's global lock for longer than the lease silences this thread: such
    work needs a longer lease.

    Args:
        beat: sends one heartbeat.
        every_s: the interval, seconds.
        name: of the thread.
    """

    def __init__(self, beat: Callable[[], HeartbeatResponse], every_s: float, name: str) -> None:
        self._beat = beat
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.lost = False
        """The lease has passed to another worker, or the trial is finished."""
        self.stop_reason: str | None = None
        """Why the server wants the trial given up; None: it does not."""

    def start(self) -> None:
        """Begin; the first beat goes out now."""
        self._thread.start()

    def end(self) -> None:
        """Stop beating. A beat under way is waited for, but not for long."""
        self._ended.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_LAST_BEAT_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._beat_once()
            if self.lost or self._ended.wait(self._every_s):
                return

    def _beat_once(self) -> None:
        try:
            answer = self._beat()
        except ApiError as error:
            if self._ended.is_set():  # the trial was finished while the beat was under way
                return
            if error.problem.action == "stop":
                self.lost = True
                self.stop_reason = error.problem.detail
            log.warning("heartbeat: %s", error)
        except HeadwayError as error:
            log.warning("heartbeat: %s", error)
        else:
            if answer.action == "stop":
                self.stop_reason = answer.reason or "the server asked for it"
