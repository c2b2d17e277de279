"""The demo: start a server and workers, show the study until its end, draw the figure."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from rich.console import Console

from headway import Client, ConnectionFailed, Study
from headway.best import Front
from headway.errors import Unavailable
from headway_server.domain.space import SearchSpace
from headway_workers import registry
from headway_workers.agent import StudyMismatch, join
from headway_workers.demo import conclusion, figure
from headway_workers.demo.display import Moment, display
from headway_workers.demo.record import Outcome, Record
from headway_workers.demo.slices import slices
from headway_workers.launch.child import Command
from headway_workers.launch.crew import ChildKeepsDying, Crew

COMMAND_LINE = "headway"
READY_S = 60.0
"""How long the server may take to start."""

LOOK_S = 0.25
"""How often the display looks at the study."""


PATIENCE_S = 0.5
"""The demo asks again by itself, because in between it has to look after the server."""

AnswerT = TypeVar("AnswerT")


class DemoFailed(RuntimeError):
    """The demo can't go on; the message says why."""


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    objective: str
    study: str
    workers: int
    budget: int | None
    directory: Path
    fresh: bool = False
    url: str | None = None


class Demo:
    """One run of the demo. All state is in the database: a run that is stopped is resumed by the next."""

    def __init__(self, options: Options, console: Console) -> None:
        self.options = options
        self.console = console
        self.objective = registry.objective(options.objective)
        self.names = tuple(f"worker-{i}" for i in range(1, options.workers + 1))

    def run(self) -> Path:
        """Run the study to its end, or show again how it ended; the figure's path.

        Raises:
            DemoFailed: naming what stood in the way.
            KeyboardInterrupt: after every process was ended.
        """
        try:
            with Crew(self.options.directory / "logs") as crew:
                url = self.options.url or self._serve(crew)
                with Client(url, patience_s=PATIENCE_S) as client:
                    study = self._study(crew, client)
                    self._work(crew, study, url)
                    outcome = self._ask(crew, lambda: conclude(study))
        except ChildKeepsDying as error:
            raise DemoFailed(str(error)) from error
        path = figure.write(outcome, self.options.directory / f"{self.options.study}.png")
        conclusion.print_to(self.console, outcome, path)
        return path

    def _serve(self, crew: Crew) -> str:
        self.options.directory.mkdir(parents=True, exist_ok=True)
        file = database(self.options.directory, fresh=self.options.fresh)
        port = free_port()
        arguments = ("serve", "--host", "127.0.0.1", "--port", str(port), "--database", f"sqlite:///{file}")
        crew.start(Command("server", COMMAND_LINE, arguments), for_ever=True)
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + READY_S
        with self._waiting("starting the server"):
            while not ready(url):
                crew.watch()
                if time.monotonic() > deadline:
                    raise DemoFailed(
                        f"The server was not ready within {READY_S:.0f} s:\n{crew.last_words('server')}"
                    )
                time.sleep(0.05)
        self.console.print(f"server on {url}, database {file}", markup=False, soft_wrap=True)
        return url

    def _study(self, crew: Crew, client: Client) -> Study:
        options = self.options
        try:
            study = self._ask(crew, lambda: join(client, self.objective, options.study, options.budget))
        except StudyMismatch as error:
            raise DemoFailed(str(error)) from error
        budget = self._ask(crew, study.view).budget
        if options.budget is not None and options.budget != budget:
            raise DemoFailed(
                f"The study {options.study!r} exists with a budget of {budget}. "
                "Leave --budget out to go on with it, or give --fresh to start over."
            )
        return study

    def _ask(self, crew: Crew, question: Callable[[], AnswerT]) -> AnswerT:
        """The answer, asked for again while a server that died is brought back."""
        deadline = time.monotonic() + READY_S
        while True:
            crew.watch()
            try:
                return question()
            except (ConnectionFailed, Unavailable) as error:
                if time.monotonic() > deadline:
                    raise DemoFailed(str(error)) from error
            time.sleep(LOOK_S)

    def _work(self, crew: Crew, study: Study, url: str) -> None:
        record = self._ask(crew, lambda: read(study))
        if record.complete:
            self.console.print(f"{record.study.name} is complete already; --fresh starts over.", markup=False)
            return
        if record.ended:
            self.console.print(f"resuming {record.study.name} after {record.ended} trials", markup=False)
        spool = {"HEADWAY_SPOOL_DIR": str((self.options.directory / "spool").absolute())}
        for name in self.names:
            arguments = ("--objective", self.objective.name, "--study", self.options.study, "--url", url)
            crew.start(Command(name, COMMAND_LINE, ("worker", *arguments, "--worker-id", name), spool))
        with display(self.console) as shown:
            while not record.complete:
                crew.watch()
                trouble = ""
                try:
                    record = read(study)
                except (ConnectionFailed, Unavailable):
                    trouble = "the server does not answer; asking again"
                shown.show(Moment(record, self.names, tuple(crew.notes), crew.restarts, trouble))
                if crew.finished(self.names):
                    record = self._ask(crew, lambda: read(study))
                    if not record.complete:
                        raise DemoFailed("The workers have ended, but the study has not.")
                time.sleep(LOOK_S)
            shown.show(Moment(record, self.names, tuple(crew.notes), crew.restarts))

    @contextmanager
    def _waiting(self, what: str) -> Iterator[None]:
        if self.console.is_terminal:
            with self.console.status(what):
                yield
        else:
            yield


def read(study: Study) -> Record:
    """The study and all its trials, as the server shows them now."""
    return Record(study.view(), tuple(study.history()))


def conclude(study: Study) -> Outcome:
    """The study's end with the model's view of it."""
    record, best, model = read(study), study.best(), study.model()
    if isinstance(best, Front):
        return Outcome(record, None, model, front=tuple(best))
    if best is None or best.posterior is None:
        return Outcome(record, best, model)
    space = SearchSpace.from_wire(record.study.definition.space)
    try:
        pieces = slices(space, best.params, model.importance, study.predict)
    except Unavailable:  # the result does not wait for the model
        pieces = ()
    return Outcome(record, best, model, pieces)


def ready(url: str) -> bool:
    """Whether the server answers that it is."""
    try:
        return httpx.get(f"{url}/readyz", timeout=1.0).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def database(directory: Path, *, fresh: bool) -> Path:
    """The newest demo database of a directory: demo.db, demo-2.db …; the next one where `fresh`."""
    numbers = [
        int(match[1] or 1)
        for file in directory.glob("demo*.db")
        if (match := re.fullmatch(r"demo(?:-(\d+))?\.db", file.name))
    ]
    newest = max(numbers, default=0)
    number = newest + 1 if fresh or not newest else newest
    return (directory / ("demo.db" if number == 1 else f"demo-{number}.db")).absolute()
