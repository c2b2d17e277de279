"""What a trial reports while it runs: gathered, and sent at most once a second."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping

from headway.errors import ApiError, HeadwayError
from headway.wire.measurement import MAX_MEASUREMENTS, Measurement, MeasurementsResponse

log = logging.getLogger(__name__)

EVERY_S = 1.0
"""Reports that follow sooner than this go out together with a later one, or with the result."""
LONGEST_PAUSE_S = 60.0
"""Between tries at a server that is away: each may hold the work up for as long as a connection takes."""


class Reports:
    """Measurements on their way to the server. A report never costs a trial: what could not be sent goes with
    the next ones, and what the server refuses is logged. Of a thousand that wait the oldest is dropped.

    Args:
        send: sends some measurements, and tries once.
    """

    def __init__(self, send: Callable[[tuple[Measurement, ...]], MeasurementsResponse]) -> None:
        self._send = send
        self._kept: list[Measurement] = []
        self._began = time.monotonic()
        self._not_before = self._began
        self._pause_s = EVERY_S
        self.stop_reason: str | None = None
        """Why the server wants the trial given up; None: it does not."""

    def add(self, step: int, metrics: Mapping[str, float]) -> None:
        """Note where the work stands, and send it if the last ones went long enough ago. Numbers that are not
        finite stay here: the server takes none.

        Raises:
            ValueError: the step is no whole number from 0 on.
        """
        now = time.monotonic()
        if finite := {name: value for name, value in metrics.items() if math.isfinite(value)}:
            self._kept.append(Measurement(step=step, metrics=finite, t=now - self._began))
            del self._kept[:-MAX_MEASUREMENTS]
        if now >= self._not_before:
            self.flush()

    def flush(self) -> None:
        """Send what is kept, if the server is there."""
        if not self._kept:
            return
        try:
            answer = self._send(tuple(self._kept))
        except HeadwayError as error:
            if isinstance(error, ApiError) and not error.server_is_away:
                log.warning("measurements were refused: %s", error)
                self._kept.clear()
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        else:
            self._kept.clear()
            self._pause_s = EVERY_S
            if answer.action == "stop":
                self.stop_reason = answer.reason or "the server asked for it"
        self._not_before = time.monotonic() + self._pause_s
