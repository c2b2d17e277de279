"""Workers that do nothing but ask and report: a thread and a kept-alive connection each.

http.client and not the client of the house: the load shares two cores with what it measures.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Any

import numpy as np

from benchmarks.latency.workload import objective, points
from benchmarks.service.figures import DIMENSION, N, Window

FITTED_WITHIN_S = 120.0
KEPT_ALIVE_S = 4.0
"""A connection idle for longer is opened anew, as clients do: uvicorn hangs up after 5 s."""


class Caller:
    """One connection to one server."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def close(self) -> None:
        """Hang up; the next call dials again."""
        self._connection.close()

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON.

        Raises:
            RuntimeError: the answer is an error.
        """
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {text[:500]!r}")
        return json.loads(text)


def prepare(ports: Sequence[int], name: str) -> None:
    """A study with N results, whose model every server has fitted or taken over."""
    parameters = [{"name": f"x{k}", "type": "float", "low": 0, "high": 1} for k in range(DIMENSION)]
    rows = [
        {
            "params": {f"x{k}": x for k, x in enumerate(point)},
            "metrics": {"value": objective(np.array(point))},
        }
        for point in points(N, DIMENSION).tolist()
    ]
    with ExitStack() as stack:
        calls = [stack.enter_context(closing(Caller(port))) for port in ports]
        calls[0]("POST", "/v1/studies", {"name": name, "space": {"parameters": parameters}})
        calls[0]("POST", f"/v1/studies/{name}/observations:batch", {"rows": rows})
        for call in calls:
            _cycle(call, name)
        until = time.monotonic() + FITTED_WITHIN_S
        while calls[0]("GET", f"/v1/studies/{name}/model")["version"] == 0:
            if time.monotonic() > until:
                raise TimeoutError("no model was fitted")
            time.sleep(0.1)
        for call in calls:
            _cycle(call, name)


def measure(ports: Sequence[int], name: str, workers: int, cycles: int, evaluation_s: float = 0.0) -> Window:
    """So many cycles, shared out among the workers, who are shared out among the servers.

    Args:
        ports: of the servers.
        name: of the study.
        workers: how many ask at once.
        cycles: in all.
        evaluation_s: mean of the exponential time that a worker spends on a trial. Each is met in the
            midst of one: what is left of it has the same law, and no two ask at the same instant by design.
    """
    left = iter(range(cycles))
    taking = threading.Lock()
    suggest: list[float] = []
    finish: list[float] = []
    failures: list[BaseException] = []
    start = threading.Barrier(workers + 1)

    def take() -> bool:
        with taking:
            return next(left, None) is not None

    def work(port: int, seed: int) -> None:
        times = np.random.default_rng(seed)
        start.wait()
        time.sleep(times.exponential(evaluation_s))
        try:
            with closing(Caller(port)) as call:
                while take():
                    asked, reported = _cycle(call, name, times.exponential(evaluation_s))
                    suggest.append(asked)
                    finish.append(reported)
        except (OSError, RuntimeError) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(ports[k % len(ports)], k)) for k in range(workers)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Window(time.perf_counter() - began, suggest, finish)


def _cycle(call: Caller, name: str, evaluation_s: float = 0.0) -> tuple[float, float]:
    """One suggest and one finish, so far apart; how long each took, seconds."""
    began = time.perf_counter()
    (trial,) = call("POST", f"/v1/studies/{name}/trials:suggest", {})["trials"]
    asked = time.perf_counter() - began
    value = objective(np.array([trial["params"][f"x{k}"] for k in range(DIMENSION)]))
    body = {"lease_token": trial["lease"]["token"], "metrics": {"value": value}}
    if evaluation_s > KEPT_ALIVE_S:
        call.close()
    time.sleep(evaluation_s)
    began = time.perf_counter()
    call("POST", f"/v1/studies/{name}/trials/{trial['number']}:finish", body)
    return asked, time.perf_counter() - began
