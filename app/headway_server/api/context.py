"""What a router needs to do its work, and how it gets it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from fastapi import Depends
from starlette.requests import HTTPConnection

from headway_server.api.metrics import Metrics
from headway_server.domain.access import Actor
from headway_server.domain.errors import Draining
from headway_server.services.engine_link import EngineLink
from headway_server.services.engine_port import Engine
from headway_server.services.keyring import Keyring
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


Access = Literal["keys", "until-keys", "open"]
"""Who gets in without a key: nobody; on this machine everybody, until the first key is made; everybody, in
this process."""


@dataclass(frozen=True)
class AppContext:
    """The application's parts, built once in `main`; each request gets them as its actor may use them."""

    settings: Settings
    database: Database
    """Commands on it are the actor's: they see its project, and bear its name."""
    engine: Engine
    """For the studies of the actor's project."""
    host: EngineLink
    """The engine's process."""
    keyring: Keyring
    access: Access
    metrics: Metrics
    pulse: Pulse
    draining: asyncio.Event
    """Set when the server shuts down: streams end, held requests answer."""

    def require_not_draining(self) -> None:
        """Refuse what another server can do, while this one is about to stop.

        Raises:
            Draining: it is.
        """
        if self.draining.is_set():
            raise Draining("This server is shutting down. Send the same request again.")

    def acting(self, actor: Actor) -> AppContext:
        """The same parts in an actor's hands."""
        return replace(self, database=self.database.acting(actor), engine=self.host.within(actor.project_id))


def base_context(connection: HTTPConnection) -> AppContext:
    """The parts of the application that serves this request, in the server's own hands."""
    context = connection.app.state.context
    if not isinstance(context, AppContext):
        raise TypeError("the application was not built by create_app")
    return context


async def app_context(connection: HTTPConnection) -> AppContext:
    """The parts in the hands of the actor that the route's least role has let in."""
    actor = connection.state.actor
    if not isinstance(actor, Actor):
        raise TypeError("the route states no least role")
    return base_context(connection).acting(actor)


async def bare_context(connection: HTTPConnection) -> AppContext:
    """The parts for a route that anybody may ask."""
    return base_context(connection)


Context = Annotated[AppContext, Depends(app_context)]
BareContext = Annotated[AppContext, Depends(bare_context)]
