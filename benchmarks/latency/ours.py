"""headway's engine: tell and ask with current hyperparameters, and the warm fit that the server makes beside
them once the results have grown by a tenth since the last one.
"""

from __future__ import annotations

import time
from importlib.metadata import version

from benchmarks.latency.workload import Row, Timings, objective, points
from headway.wire.base import Params
from headway.wire.space import Float
from headway_server.domain.space import SearchSpace
from headway_server.engine import Optimizer
from headway_server.engine.models.model import REFIT_GROWTH

FITTED_ON = 1000
"""Beyond it the hyperparameters in use come from the first so many results: how long a suggestion takes does
not depend on how well they fit."""


def measure(system: str, n: int, d: int, repeats: int, *, fit: bool) -> Row:
    """Seconds per tell and ask of `headway/STRATEGY`; `fit`: also a warm fit to all results."""
    strategy = system.removeprefix("headway/")
    space = SearchSpace.checked([Float(0.0, 1.0, name=f"x{i}") for i in range(d)])
    data = points(n + repeats, d)
    optimizer = _told(space, strategy, data[: min(n, FITTED_ON)].tolist())
    fitted = optimizer.fit_task().run()
    if n > FITTED_ON:
        optimizer = _told(space, strategy, data[:n].tolist())
    optimizer.adopt(fitted.model_copy(update={"n_observed": n}), 1)
    optimizer.ask(number=n)
    timings = Timings()
    for k, x in enumerate(data[n:].tolist()):
        params, value = _params(x), objective(data[n + k])
        with timings.repeat():
            optimizer.tell(params, value)
            optimizer.ask(number=n + 2 * k + 1)
        began = time.perf_counter()
        optimizer.ask(number=n + 2 * k + 2, given_out=())  # the posterior has all results already
        timings.acquisition.append(time.perf_counter() - began)
    versions = {"headway": version("headway"), "numpy": version("numpy"), "scipy": version("scipy")}
    row = timings.row(system, exact_gp=True, n=n, d=d, versions=versions)
    if not fit:
        return row
    earlier = _told(space, strategy, data[: int(n / (1 + REFIT_GROWTH))].tolist())
    earlier.adopt(fitted, 1)
    optimizer.adopt(earlier.fit_task().run(), 2)
    timings.fit.append(optimizer.fit_task().run().fit_s)
    return Row(**{**vars(row), "fit_s": timings.fit[0]})


def _told(space: SearchSpace, strategy: str, rows: list[list[float]]) -> Optimizer:
    import numpy as np

    optimizer = Optimizer(space, strategy=strategy, refit="external")
    for x in rows:
        optimizer.tell(_params(x), objective(np.array(x)))
    return optimizer


def _params(x: list[float]) -> Params:
    return {f"x{i}": value for i, value in enumerate(x)}
