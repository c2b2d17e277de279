"""Runs many units in several processes, keeps each as it finishes, and goes on where it was stopped."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import IO

from benchmarks.systems import ROOT, Environment, environment, python, version
from benchmarks.units import Log, Run, Unit


def outstanding(units: Iterable[Unit], runs: Iterable[Run]) -> list[Unit]:
    """The units without a run of their system's present version, in order, each once."""
    done = {(run.unit, run.version) for run in runs}
    return [unit for unit in dict.fromkeys(units) if (unit, version(unit.system)) not in done]


class Runner:
    """A runner process in one virtual environment."""

    def __init__(self, of: Environment) -> None:
        paths = [str(ROOT / folder) for folder in ("clients", "app", "workers")]
        self._process = subprocess.Popen(
            [str(python(of)), "-m", "benchmarks.runner"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, unit: Unit) -> Run | str:
        """The run, or why there is none."""
        requests, answers = _open(self._process.stdin), _open(self._process.stdout)
        requests.write(json.dumps(asdict(unit)) + "\n")
        requests.flush()
        answer = answers.readline()
        if not answer:
            return f"the runner ended with status {self._process.wait()}"
        if "error" in (content := json.loads(answer)):
            return str(content["error"])
        return Run.from_json(answer)

    def stop(self) -> None:
        """End the process now; a unit that it was at is lost."""
        self._process.kill()
        self._process.communicate()  # closes the pipes


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def run_all(units: Sequence[Unit], log: Log, jobs: int) -> list[tuple[Unit, str]]:
    """Run the units in order on so many processes per environment at a time; the failures."""
    waiting = iter(units)
    lock = threading.Lock()
    failures: list[tuple[Unit, str]] = []
    finished = 0

    def work() -> None:
        nonlocal finished
        runners: dict[Environment, Runner] = {}
        try:
            while True:
                with lock:
                    unit = next(waiting, None)
                if unit is None:
                    return
                where = environment(unit.system)
                if where not in runners:
                    runners[where] = Runner(where)
                answer = runners[where].run(unit)
                with lock:
                    finished += 1
                    if isinstance(answer, Run):
                        log.append(answer)
                        said = f"regret {answer.regret[-1]:.3g}"
                    else:
                        failures.append((unit, answer))
                        said = f"FAILED: {answer.strip().splitlines()[-1]}"
                        runners.pop(where).stop()
                    print(
                        f"{finished}/{len(units)} {' '.join(map(str, asdict(unit).values()))}: {said}",
                        flush=True,
                    )
        finally:
            for runner in runners.values():
                runner.stop()

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures
