"""A crew of child processes: those that die are started again, and all stop together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from headway_workers.launch.child import Child, Command, ending

STOP_S = 8.0
"""How long children may take to end after SIGTERM."""

BACK_OFF_S = (0.2, 1.0, 2.0, 5.0)
"""Waits before the first, second … restart of a child that keeps dying."""

GIVE_UP_AFTER = 4
"""Restarts in a row, each after less than `STEADY_S`, before a child is given up."""

STEADY_S = 10.0
"""A child that ran this long had started well: its next restart counts as its first."""


class ChildKeepsDying(RuntimeError):
    """A child was restarted again and again and never ran for long."""


@dataclass
class _Post:
    """One place in the crew: what runs there, and how often it had to be started again."""

    command: Command
    child: Child
    started: float
    for_ever: bool
    quick_deaths: int = 0
    restart_at: float | None = None
    finished: bool = False


@dataclass(frozen=True)
class Note:
    """Something that happened to a child."""

    at: float
    """Seconds since the epoch."""
    name: str
    text: str


@dataclass
class Crew:
    """Children by name. Used as a context manager, it leaves none behind."""

    logs: Path
    """Folder of the children's logs, one file each."""
    notes: list[Note] = field(default_factory=list)
    restarts: int = 0
    _posts: dict[str, _Post] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, command: Command, *, for_ever: bool = False) -> None:
        """Start a child and keep it running until it ends with status 0 or the crew stops.

        One that is to run `for_ever` is started again even where it ended well.
        """
        self._posts[command.name] = _Post(command, self._launch(command), time.monotonic(), for_ever)

    def watch(self) -> None:
        """Look at every child once: bring back those that died. Call this a few times a second.

        Raises:
            ChildKeepsDying: with the end of its log.
        """
        now = time.monotonic()
        for post in self._posts.values():
            if post.finished:
                continue
            if post.restart_at is not None:
                if now >= post.restart_at:
                    post.child, post.started, post.restart_at = self._launch(post.command), now, None
                continue
            returncode = post.child.returncode
            if returncode == 0 and not post.for_ever:
                post.finished = True
                post.child.wait(0)
            elif returncode is not None:
                post.child.wait(0)
                self._died(post, returncode, now)

    def pids(self) -> dict[str, int]:
        """Process id of each child that runs."""
        return {name: post.child.pid for name, post in self._posts.items() if post.child.returncode is None}

    def finished(self, names: Sequence[str]) -> bool:
        """Whether all of these ended by themselves with status 0."""
        return all(self._posts[name].finished for name in names)

    def last_words(self, name: str) -> str:
        """The end of a child's log."""
        return self._posts[name].child.last_words()

    def stop(self) -> None:
        """End all children: those started first, such as the server, after the others.

        So workers can still hand their trials back to the server.
        """
        while self._posts:
            first = next(iter(self._posts))
            last = [name for name in self._posts if name != first] or [first]
            for name in last:
                self._posts[name].child.terminate()
            deadline = time.monotonic() + STOP_S
            for name in last:
                self._posts.pop(name).child.wait(deadline - time.monotonic())

    def _launch(self, command: Command) -> Child:
        return Child(command, self.logs / f"{command.name}.log")

    def _died(self, post: _Post, returncode: int, now: float) -> None:
        post.quick_deaths = 0 if now - post.started > STEADY_S else post.quick_deaths + 1
        if post.quick_deaths > GIVE_UP_AFTER:
            raise ChildKeepsDying(
                f"{post.command.name} {ending(returncode)}, {post.quick_deaths} times in a row. "
                f"The end of {post.child.log}:\n{post.child.last_words()}"
            )
        wait = BACK_OFF_S[min(post.quick_deaths, len(BACK_OFF_S) - 1)]
        post.restart_at = now + wait
        self.restarts += 1
        self.notes.append(Note(time.time(), post.command.name, f"{ending(returncode)}; starting it again"))
