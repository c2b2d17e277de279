"""The API process's end of the pipe to the engine host: starts it, asks it, starts it again.

The process that answers HTTP never imports torch; this module is all it knows of the engine.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from itertools import count

from headway.wire.base import Params
from headway.wire.model import ModelSummary
from headway_server.domain.errors import EngineUnavailable
from headway_server.domain.held import NOTHING_HELD, Held
from headway_server.services.engine_port import (
    Answer,
    Answered,
    Asked,
    AskExplanation,
    AskPoints,
    AskPredictions,
    AskSummary,
    Explained,
    Point,
    Predictions,
    Question,
    ToExplain,
)

log = logging.getLogger(__name__)

NUMERICS = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")
"""Libraries that take their number of threads from the environment as they are loaded."""


class HostAway(Exception):
    """The host died while a question was open."""


class _Host:
    """One child process with its pipe, and the questions that it has not answered yet."""

    def __init__(self, database_url: str, threads: int, device: str) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 (our own module, our own arguments)
                [
                    sys.executable,
                    "-m",
                    "headway_server.services.engine_host",
                    "--device",
                    device,
                    "--pipe",
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                # The URL may hold a password, and everybody on a machine may read command lines.
                env=os.environ
                | {f"{library}_NUM_THREADS": str(threads) for library in NUMERICS}
                | {"HEADWAY_DATABASE_URL": database_url},
                start_new_session=True,  # Ctrl-C in the terminal reaches the server, which closes the pipe
            )
        self._pipe = ours
        self._lines = ours.makefile("rwb")
        self._open: dict[int, Future[Answered]] = {}
        self._lock = threading.Lock()
        self._ids = count(1)
        self.ready = threading.Event()
        self.gone = False
        self._reader = threading.Thread(target=self._read, name="engine-link", daemon=True)
        self._reader.start()

    def ask(self, question: Question) -> Future[Answered]:
        """Send a question; its answer, once it comes. HostAway if the host dies first."""
        future: Future[Answered] = Future()
        with self._lock:
            if self.gone:
                raise HostAway
            asked = Asked(id=next(self._ids), question=question)
            self._open[asked.id] = future
            try:
                self._lines.write(asked.model_dump_json().encode() + b"\n")
                self._lines.flush()
            except OSError as error:
                self.gone = True
                raise HostAway from error
        return future

    def close(self) -> None:
        """Close the pipe, which ends the host if it still lives, and wait for it."""
        if not self.ready.is_set():
            self.process.kill()  # it is still importing, and would notice only afterwards
        with suppress(OSError):  # the other end may be gone already
            self._pipe.shutdown(socket.SHUT_RDWR)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        self._lines.close()
        self._pipe.close()

    def _read(self) -> None:
        try:
            for line in self._lines:
                answered = Answered.model_validate_json(line)
                if answered.id == 0:
                    self.ready.set()
                    continue
                with self._lock:
                    future = self._open.pop(answered.id)
                future.set_result(answered)
        except OSError as error:
            log.info("engine host: pipe broke: %s", error)
        finally:
            with self._lock:
                self.gone = True
                orphans = list(self._open.values())
                self._open.clear()
            for orphan in orphans:
                orphan.set_exception(HostAway())


class EngineLink:
    """Asks the engine in its child process; thread-safe. A host that dies is started again at once.

    Args:
        database_url: where the host reads the studies.
        timeout_s: how long an answer may take, seconds.
        threads: numerical threads of the host.
        device: where it computes: auto, cpu or cuda.
    """

    def __init__(
        self, database_url: str, *, timeout_s: float = 30.0, threads: int = 1, device: str = "auto"
    ) -> None:
        self._database_url = database_url
        self._timeout_s = timeout_s
        self._threads = threads
        self._device = device
        self._lock = threading.Lock()
        self._host: _Host | None = None
        self._closed = False
        self.restarts = 0

    def start(self) -> None:
        """Start the host; it becomes ready by itself."""
        self._living_host()

    @property
    def ready(self) -> bool:
        """Whether the host has started and lives."""
        host = self._host
        return host is not None and host.ready.is_set() and not host.gone

    @property
    def process_id(self) -> int | None:
        """The host's process id."""
        return None if self._host is None else self._host.process.pid

    def close(self) -> None:
        """Stop the host."""
        with self._lock:
            self._closed = True
            if self._host is not None:
                self._host.close()
                self._host = None

    def within(self, project: int) -> ProjectEngine:
        """The engine for the studies of one project."""
        return ProjectEngine(self.ask, project)

    def ask(self, question: Question) -> Answer:
        """Ask; if the host dies over it, once more.

        Raises:
            EngineUnavailable: it died twice, failed, or did not answer in time.
        """
        for _ in range(2):
            try:
                answered = self._living_host().ask(question).result(timeout=self._timeout_s)
            except HostAway:
                continue
            except FutureTimeout as error:
                raise EngineUnavailable(f"The engine did not answer within {self._timeout_s:g} s.") from error
            if answered.failure is not None:
                raise EngineUnavailable(f"The engine failed: {answered.failure}")
            return answered.answer
        raise EngineUnavailable("The engine's process died twice over this question.")

    def _living_host(self) -> _Host:
        with self._lock:
            if self._closed:
                raise EngineUnavailable("The server is shutting down.")
            if self._host is not None and self._host.gone:
                log.warning("engine host %d died; starting another", self._host.process.pid)
                self._host.close()
                self.restarts += 1
                self._host = None
            if self._host is None:
                self._host = _Host(self._database_url, self._threads, self._device)
            return self._host


class ProjectEngine:
    """Asks for the studies of one project, as `engine_port.Engine` says.

    Args:
        ask: puts a question to the host.
        project: the project's id.
    """

    def __init__(self, ask: Callable[[Question], Answer], project: int) -> None:
        self._ask = ask
        self._project = project

    def points(self, study: str, numbers: list[int], held: Held = NOTHING_HELD) -> list[Point]:
        """A point for each of these reserved trial numbers, in order, with the values held."""
        answer = self._ask(AskPoints(project=self._project, study=study, numbers=numbers, held=held))
        if not isinstance(answer, list):
            raise TypeError(f"the host answered {type(answer).__name__} to a question for points")
        return answer

    def predict(self, study: str, points: list[Params]) -> Predictions | None:
        """The posterior at checked points; None until there are observations enough for a model."""
        answer = self._ask(AskPredictions(project=self._project, study=study, points=points))
        if not isinstance(answer, Predictions | None):
            raise TypeError(f"the host answered {type(answer).__name__} to a question for predictions")
        return answer

    def explain(self, study: str, asked: ToExplain) -> Explained | None:
        """Why a checked point; None until there are observations enough for a model."""
        answer = self._ask(AskExplanation(project=self._project, study=study, asked=asked))
        if not isinstance(answer, Explained | None):
            raise TypeError(f"the host answered {type(answer).__name__} to a question for an explanation")
        return answer

    def summary(self, study: str) -> ModelSummary:
        """What the model has learnt."""
        answer = self._ask(AskSummary(project=self._project, study=study))
        if not isinstance(answer, ModelSummary):
            raise TypeError(f"the host answered {type(answer).__name__} to a question for a summary")
        return answer
