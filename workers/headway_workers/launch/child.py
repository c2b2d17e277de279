"""One child process: a Python module with arguments, its log, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")}
"""Two workers that fight for two cores make every duration meaningless."""


@dataclass(frozen=True)
class Command:
    """What a child runs."""

    name: str
    """How the display and the log file call it."""
    module: str
    """Run as `python -m` would."""
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


class Child:
    """A running process that can't outlive this one: it is tethered, and in a session of its own.

    In a session of its own, a Ctrl-C at the terminal reaches the parent alone, which then stops its
    children in order. Its process id stands in a file beside its log.
    """

    def __init__(self, command: Command, log: Path) -> None:
        self.command = command
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "headway_workers.launch.tether", command.module, *command.arguments]
        with log.open("ab") as sink:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                argv,
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **ONE_THREAD, **command.environment},
                start_new_session=True,
            )
        log.with_suffix(".pid").write_text(f"{self.pid}\n")

    @property
    def pid(self) -> int:
        """Process id, which is the id of its group too."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; minus the signal's number where one killed it."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end (SIGTERM), if it still runs."""
        if self.returncode is None:
            self._process.terminate()

    def wait(self, timeout_s: float) -> None:
        """Wait until it ends, for `timeout_s` seconds at most, then kill what is left of its group."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, timeout_s))
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses where only zombies are left
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()

    def last_words(self, lines: int = 5) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def ending(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"ended with status {returncode}"
