"""The same API in this process, on an embedded database: no server, no socket.

The application is found by its entry point, so that this package never imports the server. It lives on
an event loop in a thread of its own; calls cross over to it and block until they are answered.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.metadata import entry_points
from typing import Any

import httpx

from headway.errors import ConnectionFailed, LocalServerFailed

GROUP = "headway.apps"
NAME = "local"

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI application with a lifespan."""


def load_application(database_path: str | None) -> Application:
    """The application on this database.

    Raises:
        LocalServerFailed: the server's dependencies are not installed.
    """
    found = entry_points(group=GROUP, name=NAME)
    if not found:
        raise LocalServerFailed(f"No application is registered under {GROUP}. Install headway again.")
    try:
        build: Callable[[str | None], Application] = next(iter(found)).load()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0].startswith("headway"):
            raise
        raise LocalServerFailed(
            f"Client.local() runs the server in this process, and {error.name} is missing: "
            "pip install 'headway[server]'"
        ) from error
    return build(database_path)


class LocalTransport(httpx.BaseTransport):
    """Answers requests from an ASGI application on an event loop in its own thread.

    Raises:
        LocalServerFailed: the application did not start.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._asgi = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._loop = asyncio.new_event_loop()
        # A daemon, so that a client which nobody closes can't keep the process from ending.
        self._thread = threading.Thread(target=self._loop.run_forever, name="headway-local", daemon=True)
        self._thread.start()
        self._lifespan = _Lifespan(app)
        self._closed = False
        self._lock = threading.Lock()
        try:
            asyncio.run_coroutine_threadsafe(self._lifespan.start(), self._loop).result()
        except BaseException:
            self._end_loop()
            raise
        atexit.register(self.close)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._closed:
            raise ConnectionFailed("This client is closed. Make a new one.")
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result()

    def close(self) -> None:
        """Let the application shut down, then end the loop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.close)
        asyncio.run_coroutine_threadsafe(self._lifespan.stop(), self._loop).result()
        self._end_loop()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        response = await self._asgi.handle_async_request(request)
        return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Lifespan:
    """The ASGI lifespan of an application: httpx's transport leaves it out."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        await self._inbox.put({"type": "lifespan.startup"})
        answer = await self._answered()
        if answer["type"] != "lifespan.startup.complete":
            error = self._task.exception() if self._task.done() else None
            reason = str(error) if error is not None else answer.get("message", "no reason was given")
            raise LocalServerFailed(f"The local server did not start: {reason}") from error

    async def stop(self) -> None:
        if self._task is not None and not self._task.done():
            await self._inbox.put({"type": "lifespan.shutdown"})
            await self._answered()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        await self._app(scope, self._inbox.get, self._outbox.put)

    async def _answered(self) -> Message:
        """The application's next message; where it ended instead, a failure."""
        if self._task is None:
            raise AssertionError("the lifespan was not started")
        message = asyncio.create_task(self._outbox.get())
        await asyncio.wait({message, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not self._outbox.empty() or message.done():
            answer = await message
            if answer["type"].endswith(".failed"):
                await asyncio.wait({self._task}, timeout=1.0)
            return answer
        message.cancel()
        return {"type": "lifespan.failed", "message": "it ended without a word"}
