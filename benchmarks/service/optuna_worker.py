"""Optuna's part, run in its own environment: prepares a study on PostgreSQL, or is one of its workers.

    python -m benchmarks.service.optuna_worker prepare URL STUDY
    python -m benchmarks.service.optuna_worker work URL STUDY gp|tpe SECONDS

A worker says `ready` after a first cycle, begins at a line on its input, and prints its window as JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import optuna

from benchmarks.latency.workload import objective, points
from benchmarks.service.figures import DIMENSION, N

BOX: dict[str, optuna.distributions.BaseDistribution] = {
    f"x{k}": optuna.distributions.FloatDistribution(0.0, 1.0) for k in range(DIMENSION)
}


def prepare(url: str, name: str) -> None:
    """A study with N results."""
    study = optuna.create_study(storage=url, study_name=name, direction="minimize")
    study.add_trials(
        [
            optuna.create_trial(
                params=dict(zip(BOX, point, strict=True)), distributions=BOX, value=objective(np.array(point))
            )
            for point in points(N, DIMENSION).tolist()
        ]
    )


def work(url: str, name: str, sampler: str, seconds: float) -> None:
    """Ask and tell for so long."""
    seeded = optuna.samplers.GPSampler() if sampler == "gp" else optuna.samplers.TPESampler()
    study = optuna.load_study(storage=url, study_name=name, sampler=seeded)
    _cycle(study)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    suggest, finish = [], []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        asked, told = _cycle(study)
        suggest.append(asked)
        finish.append(told)
    # The last cycle counts whole, and so does the time that it took.
    window = {"seconds": time.perf_counter() - began, "suggest": suggest, "finish": finish}
    sys.stdout.write(json.dumps(window) + "\n")


def _cycle(study: optuna.Study) -> tuple[float, float]:
    began = time.perf_counter()
    trial = study.ask(BOX)
    asked = time.perf_counter() - began
    value = objective(np.array([trial.params[name] for name in BOX]))
    began = time.perf_counter()
    study.tell(trial, value)
    return asked, time.perf_counter() - began


def main(what: str, url: str, name: str, *rest: str) -> None:
    """Do one or the other."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    if what == "prepare":
        prepare(url, name)
    else:
        sampler, seconds = rest
        work(url, name, sampler, float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
