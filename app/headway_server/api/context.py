"""What a router needs to do its work, and how it gets it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from headway_server.services.engine_link import EngineLink
from headway_server.settings import Settings
from headway_server.storage.database import Database


@dataclass
class Pulse:
    """Wakes those who wait for news in this process. A hint only: they look at the rows themselves."""

    _event: asyncio.Event = field(default_factory=asyncio.Event)

    def beat(self) -> None:
        """Something was committed."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Until the next beat, but not longer than this."""
        event = self._event
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return


@dataclass(frozen=True)
class AppContext:
    """The application's parts, built once in `main`."""

    settings: Settings
    database: Database
    engine: EngineLink
    pulse: Pulse
    draining: asyncio.Event
    """Set when the server shuts down: streams end, held requests answer."""


def app_context(request: Request) -> AppContext:
    """The parts of the application that serves this request."""
    context = request.app.state.context
    if not isinstance(context, AppContext):
        raise TypeError("the application was not built by create_app")
    return context


Context = Annotated[AppContext, Depends(app_context)]
