"""The fit process: a child of the engine host that computes what would hold up the answers.

LAPACK's factorisations keep Python's lock for as long as they take, seconds for a large matrix, so that a
thread beside the answers would stop them. The child has the host's environment, a lower priority, no
database, and what the tasks import. It reads its tasks from a pipe and ends when the kernel closes that:
with the host, however that went.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol, TypeVar

log = logging.getLogger(__name__)

NICENESS = 10
PICKLE_PROTOCOL = 5
"""The first that reads arrays from the pipe straight into their memory, with Python's lock released."""

Result_co = TypeVar("Result_co", covariant=True)


class Task(Protocol[Result_co]):
    """Something to compute, which can be pickled; so can its result."""

    def run(self) -> Result_co:
        """Compute it."""
        ...


class TaskFailed(Exception):
    """The process died over a task, or the task raised an exception; says which."""


class FitProcess:
    """Runs tasks one at a time, each in the child that ran the last one or, where that died, in a new one.

    `run` is for one thread; `close` may be called in another meanwhile.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._exchange = threading.Lock()
        """Held while the pipes are in use: nobody closes them under a thread that reads."""
        self._closed = False

    @property
    def process_id(self) -> int | None:
        """The child's process id, where one has been started."""
        process = self._process
        return None if process is None else process.pid

    def run(self, task: Task[Result_co]) -> Result_co:
        """The task's result.

        Raises:
            TaskFailed: there is none, and why.
        """
        with self._exchange:
            return self._run(task)

    def _run(self, task: Task[Result_co]) -> Result_co:
        process = self._living()
        if process.stdin is None or process.stdout is None:
            raise AssertionError("the child was started without pipes")
        try:
            pickle.dump(task, process.stdin, PICKLE_PROTOCOL)
            process.stdin.flush()
            result, failure = pickle.load(process.stdout)  # noqa: S301 (our own child)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise TaskFailed(f"the fit process {_ended(process)}") from error
        if failure is not None:
            raise TaskFailed(failure)
        answer: Result_co = result
        return answer

    def close(self) -> None:
        """End the child. A task that it is at fails."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            process.kill()  # which ends what is read from it
            with self._exchange:
                _ended(process)

    def _living(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise TaskFailed("the engine host is ending")
            if self._process is not None and self._process.poll() is not None:
                log.warning("the fit process %s; starting another", _ended(self._process))
                self._process = None
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "headway_server.services.fit_process"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            return self._process


def _ended(process: subprocess.Popen[bytes]) -> str:
    """End a child that may have ended already; how it did, in words."""
    process.kill()
    returncode = process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what it did not read can't be flushed
                pipe.close()
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"ended with status {returncode}"


def _read(tasks: SimpleQueue[Task[object]]) -> None:
    """Take tasks from standard input, and end this process with it, even in the middle of a task."""
    try:
        while True:
            tasks.put(pickle.load(sys.stdin.buffer))  # noqa: S301 (the engine host's)
    except EOFError:
        os._exit(0)
    except Exception:  # the top of this thread: without it no task would come any more
        log.exception("the fit process can't read its task")
        os._exit(1)


def main() -> None:
    """Entry of the child process."""
    os.nice(NICENESS)
    logging.basicConfig(level=logging.WARNING, format="fit process: %(levelname)s %(message)s")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    tasks: SimpleQueue[Task[object]] = SimpleQueue()
    threading.Thread(target=_read, args=(tasks,), name="tasks", daemon=True).start()
    while True:
        result: object = None
        failure: str | None = None
        try:
            result = tasks.get().run()
        except Exception as error:  # the top of this process: the next task may well succeed
            log.exception("a task failed")
            failure = f"{type(error).__name__}: {error}"
        with suppress(BrokenPipeError):  # the host has gone, which the other thread notices
            pickle.dump((result, failure), answers, PICKLE_PROTOCOL)
            answers.flush()


if __name__ == "__main__":
    main()
