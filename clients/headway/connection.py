"""Sending calls: one function that every call passes through, with its retries."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from headway.calls import AnswerT, Call, problem_of, read_answer
from headway.errors import ConnectionFailed
from headway.patience import Patience, retry_after_s, worth_repeating

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 45.0
"""How long a single try waits for its answer, seconds. Above the server's limit for the engine (30 s)."""

_SLICE_S = 0.05


class Connection:
    """A pool of connections to one server; thread-safe. httpx is imported at the first call.

    Args:
        base_url: where the server is.
        api_key: sent as a bearer token, where there is one.
        project: sent along with every call, where there is one: for a key of the whole installation.
        patience: when to repeat a call.
        transport: replaces the network: an in-process server, or a test's double.
        clock: reads seconds.
        sleep: pauses for seconds.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        project: str | None = None,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.patience = patience or Patience()
        self._api_key = api_key
        self._in_project = {} if project is None else {"project": project}
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._http: httpx.Client | None = None
        self._lock = threading.Lock()
        self._closed = False

    def send(
        self,
        call: Call[AnswerT],
        *,
        patience: Patience | None = None,
        hurry: Callable[[], bool] | None = None,
    ) -> AnswerT:
        """Ask until there is an answer; every repeat is the same request with the same key.

        Args:
            call: what to ask.
            patience: in place of the connection's own.
            hurry: asked while pausing; once it says True there are no more repeats.

        Raises:
            ConnectionFailed: no answer within the patience.
            ApiError: the server's answer is a problem, and was still one when the patience ended.
            UnreadableAnswer: the answer is not this API's.
        """
        import httpx

        patience = patience or self.patience
        http = self._open()
        started = self._clock()
        retry = 0
        while True:
            asked_to_wait_s: float | None = None
            try:
                response = http.request(
                    call.method,
                    call.path,
                    params={**call.query, **self._in_project} or None,  # httpx parses the URL again for {}
                    content=call.content(),
                    headers=call.headers(),
                    timeout=httpx.Timeout(ANSWER_TIMEOUT_S + call.held_s, connect=CONNECT_TIMEOUT_S),
                )
            except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
                raise ConnectionFailed(f"{self.base_url} can't be asked: {error}") from error
            except httpx.TransportError as error:
                failure: Exception = self._unreachable(error, self._clock() - started)
                failure.__cause__ = error
            else:
                if not worth_repeating(response.status_code, response.headers.get("Retry-After")):
                    return read_answer(call, self.base_url, response.status_code, response.content)
                failure = problem_of(self.base_url, response.status_code, response.content)
                asked_to_wait_s = retry_after_s(response.headers.get("Retry-After"))
            pause_s = patience.pause_s(retry, self._clock() - started, asked_to_wait_s)
            if pause_s is None or self._closed or not self._pause(pause_s, hurry):
                raise failure
            retry += 1

    def close(self) -> None:
        """Close the pool; calls under way in other threads fail."""
        with self._lock:
            self._closed = True
            if self._http is not None:
                self._http.close()
            elif self._transport is not None:
                self._transport.close()

    def _open(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._closed:
                raise ConnectionFailed("This client is closed. Make a new one.")
            if self._http is None:
                headers = {"User-Agent": user_agent(), "Accept": "application/json"}
                if self._api_key:
                    headers["Authorization"] = f"Bearer {self._api_key}"
                self._http = httpx.Client(base_url=self.base_url, headers=headers, transport=self._transport)
            return self._http

    def _pause(self, seconds: float, hurry: Callable[[], bool] | None) -> bool:
        """Pause; whether there is time for another try. In slices, so that a signal's flag is seen."""
        if hurry is None:
            self._sleep(seconds)
            return True
        end = self._clock() + seconds
        while not hurry():
            left = end - self._clock()
            if left <= 0:
                return True
            self._sleep(min(_SLICE_S, left))
        return False

    def _unreachable(self, error: Exception, elapsed_s: float) -> ConnectionFailed:
        reason = str(error) or type(error).__name__
        return ConnectionFailed(
            f"{self.base_url} could not be reached for {elapsed_s:.0f} s: {reason}. "
            "Start a server with `headway serve`, or set HEADWAY_URL to one that runs."
        )


def user_agent() -> str:
    """How this client names itself."""
    from importlib.metadata import version

    return f"headway/{version('headway')} python/{platform.python_version()}"
