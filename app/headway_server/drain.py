"""Stopping without losing a request: say so first, then stop listening, then finish what is under way."""

from __future__ import annotations

import logging
import signal
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """A server that takes SIGTERM as notice.

    For `drain_s` seconds it listens on: /readyz says 503, so that a load balancer turns elsewhere; no trial
    is handed out any more; results and heartbeats are taken as ever. Then it stops as uvicorn does. A
    second SIGTERM, or Ctrl-C, skips the notice.

    Args:
        config: as for uvicorn.
        app: the application, made by `create_app`.
        drain_s: length of the notice, seconds.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, *, drain_s: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_s = drain_s
        self._told_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The signal's handler: note it, and let the loop's next tick act on it."""
        if sig == signal.SIGTERM and self._told_at is None:
            self._told_at = time.monotonic()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop listening; asked ten times a second."""
        if self._told_at is not None:
            context = self._app.state.context
            if not context.draining.is_set():
                log.warning("told to stop: draining for %g s", self._drain_s)
                context.draining.set()
                context.pulse.beat()  # held requests and streams notice
            if time.monotonic() - self._told_at >= self._drain_s:
                return True
        return await super().on_tick(counter)
