"""One evaluation by a program: its arguments, its environment, its output, its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import IO, Any, TextIO

from headway.trials import Trial
from headway.values import Value
from headway.wire.base import ParamValue
from headway.wire.trial import MeasuredValue

_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_][\w.-]*)\}\}|\{([A-Za-z_][\w.-]*)\}")

LOOK_EVERY_S = 0.5
"""How often a running program is looked at: has it ended, is the trial to be given up?"""

GRACE_S = 10.0
"""How long a program may take to end after SIGTERM before it is killed, seconds."""

TAIL_LINES = 40


class UnknownPlaceholder(ValueError):
    """The command has a {name} that is no parameter."""


class ProgramFailed(RuntimeError):
    """The program ended with a status other than 0, or without a result."""


class Program:
    """A command that is an objective.

    Args:
        command: the arguments, with {name} for parameters.
        objectives: the names of what is measured.
    """

    def __init__(self, command: tuple[str, ...], objectives: tuple[str, ...]) -> None:
        self._command = command
        self._objectives = objectives

    def check(self, names: Iterable[str]) -> None:
        """Compare the placeholders with the study's parameters.

        Raises:
            UnknownPlaceholder: one is no parameter.
        """
        known = set(names)
        for argument in self._command:
            for match in _PLACEHOLDER.finditer(argument):
                name = match[2]
                if name is not None and name not in known:
                    raise UnknownPlaceholder(
                        f"{{{name}}} is no parameter; the study has {', '.join(sorted(known))}. "
                        f"Write {{{{{name}}}}} where the braces are meant."
                    )

    def arguments(self, params: Mapping[str, ParamValue]) -> list[str]:
        """The command for a point. A parameter that is inactive there is empty text."""

        def fill(match: re.Match[str]) -> str:
            if match[1] is not None:
                return f"{{{match[1]}}}"
            return spelt(params[match[2]]) if match[2] in params else ""

        return [_PLACEHOLDER.sub(fill, argument) for argument in self._command]

    def evaluate(self, trial: Trial) -> Value:
        """Run the program for a trial and read its result.

        Raises:
            ProgramFailed: it can't be started, fails, or prints no result.
            Stop: the server wants the trial given up; the program has been ended.
        """
        environment = os.environ | {
            "HEADWAY_TRIAL": str(trial.number),
            "HEADWAY_SEED": str(trial.seed),
            **{_variable(name): spelt(value) for name, value in trial.params.items()},
        }
        arguments = self.arguments(trial.params)
        with ExitStack() as cleanup:
            with trial.held_back():  # once it runs, it is certain to be ended
                process = cleanup.enter_context(_start(arguments, environment))
                cleanup.callback(_end, process)
            out, err = _Tail(process.stdout, sys.stdout), _Tail(process.stderr, sys.stderr)
            self._wait(process, trial)
            out.join()
            err.join()
        if process.returncode != 0:
            raise ProgramFailed(f"{arguments[0]} ended with status {process.returncode}.\n{err.text()}")
        return read_result(out.lines, self._objectives)

    def _wait(self, process: subprocess.Popen[bytes], trial: Trial) -> None:
        while True:
            try:
                process.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                trial.report(step=0)
            else:
                return


def read_result(lines: Iterable[str], objectives: tuple[str, ...]) -> Value:
    """The result in the last line that is JSON.

    Raises:
        ProgramFailed: there is none, or it lacks the objective.
    """
    for line in reversed(list(lines)):
        try:
            found: Any = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(found, bool | str | list | None):
            continue
        if isinstance(found, int | float):
            return found
        return _metrics(found, objectives)
    raise ProgramFailed('The program printed no result. Print a line of JSON, e.g. {"value": 0.93}.')


def spelt(value: ParamValue) -> str:
    """A value as an argument: text as it is, everything else as JSON (true, 1e-05)."""
    return value if isinstance(value, str) else json.dumps(value)


def _metrics(found: dict[str, Any], objectives: tuple[str, ...]) -> Value:
    if len(objectives) == 1 and objectives[0] not in found and "value" in found:
        return MeasuredValue(value=found["value"], std_error=found.get("std_error"))
    if missing := [name for name in objectives if name not in found]:
        raise ProgramFailed(
            f"The program's last line of JSON has {', '.join(found) or 'nothing'}, but not "
            f'{", ".join(missing)}. Print the objective by name, or {{"value": …}}.'
        )
    if len(objectives) == 1 and "std_error" in found and objectives[0] in found:
        name = objectives[0]
        found = {**found, name: {"value": found[name], "std_error": found["std_error"]}}
        del found["std_error"]
    return {
        name: MeasuredValue(**one) if isinstance(one, dict) else one
        for name, one in found.items()
        if isinstance(one, dict | int | float) or name in objectives
    }


def _variable(name: str) -> str:
    return "HEADWAY_PARAM_" + re.sub(r"\W", "_", name).upper()


def _start(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 (running the user's command is the purpose)
            arguments,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a group of its own, so that its children end with it
        )
    except OSError as error:
        raise ProgramFailed(f"{arguments[0]} can't be started: {error.strerror}") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program if it still runs: SIGTERM, then, after a while, SIGKILL."""
    if process.poll() is not None:
        return
    _signal_group(process, signal.SIGTERM)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


class _Tail:
    """Passes a stream of the program on as it comes, and keeps its last lines."""

    def __init__(self, source: IO[bytes] | None, passed_to: TextIO) -> None:
        if source is None:
            raise AssertionError("the stream was not piped")
        self.lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._source = source
        self._passed_to = passed_to
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the rest; not for ever, because a grandchild may hold the stream open."""
        self._thread.join(GRACE_S)

    def text(self) -> str:
        return "\n".join(self.lines)

    def _read(self) -> None:
        for line in self._source:
            text = line.decode(errors="replace")
            self.lines.append(text.rstrip("\n"))
            self._passed_to.write(text)
            self._passed_to.flush()
