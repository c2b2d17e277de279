"""One run: a method on a problem, with q workers, and all that was seen on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.problems import Problem, problem
from headway_workers.async_bo.setting import Setting
from headway_workers.async_bo.shifts import generator
from headway_workers.async_bo.simulator import Crew, durations, simulate
from headway_workers.async_bo.systems import Asynchronous, OwnResultsOnly


@dataclass(frozen=True)
class Trace:
    """What came of a run, one entry an evaluation, by the order in which they were handed out: (n, …)."""

    setting: Setting
    points: Array
    """(n, d), of the unit cube."""
    values: Array
    """True values, without noise; NaN where no result came."""
    recommended: float
    """The true value of the result with the lowest mean under the model at the end."""
    asked: Array
    ended: Array
    """Simulated, in mean evaluation times; NaN where no result came."""
    sds: Array
    """The model's standard deviation at the point as it was chosen; NaN in the Sobol start."""
    n_observed: Array
    """Results that the model had."""
    nearest_pending: Array
    """Distance to the nearest point in flight, in the cube; NaN where nothing was in flight."""
    nearest_observed: Array
    """Likewise to the nearest result that the model had."""
    seconds: float
    """Processor time of the method."""

    @property
    def at(self) -> Problem:
        """What was optimised."""
        return problem(self.setting.problem, self.setting.seed)

    def regret(self) -> Array:
        """Simple regret by the number of results, (results,): the best true value so far less the minimum."""
        came = ~np.isnan(self.values)
        order = np.argsort(self.ended[came], kind="stable")
        return np.asarray(np.minimum.accumulate(self.values[came][order]) - self.at.minimum)


def crew(setting: Setting) -> Crew:
    """The workers of a setting: their speeds and failures are drawn by its seed."""
    rng = generator("crew", setting.seed, setting.workers)
    speeds = np.exp(setting.spread * rng.standard_normal(setting.workers))
    fails = generator("failures", setting.seed).random(setting.budget) < setting.failing
    return Crew(
        setting.workers,
        tuple((speeds / speeds.mean()).tolist()) if setting.spread else (),
        synchronous=setting.synchronous,
        lost=frozenset((np.flatnonzero(fails) + 1).tolist()),
    )


def run(setting: Setting) -> Trace:
    """Simulate.

    Raises:
        KeyError: no such problem or method.
        ValueError: hyperparameters that are not known are to be.
    """
    at = problem(setting.problem, setting.seed)
    system = (OwnResultsOnly if setting.updates == "own" else Asynchronous)(setting, at)
    times = durations(setting.law, setting.seed, setting.budget)
    noise = at.noise_sd * generator("noise", setting.seed).standard_normal(setting.budget)
    true = np.full(setting.budget, np.nan)

    def evaluate(number: int, point: Array) -> float:
        true[number - 1] = at.evaluate(point)
        return float(true[number - 1] + noise[number - 1])

    asked, ended = np.full((2, setting.budget), np.nan)
    for one in simulate(system, evaluate, times, crew(setting)):
        asked[one.number - 1], ended[one.number - 1] = one.asked, one.time
    asks = system.asks
    return Trace(
        setting,
        points=np.array([ask.point for ask in asks]),
        values=true,
        recommended=at.evaluate(system.recommended()),
        asked=asked,
        ended=ended,
        sds=np.array([ask.sd for ask in asks]),
        n_observed=np.array([ask.n_observed for ask in asks], dtype=np.float64),
        nearest_pending=np.array([ask.nearest_pending for ask in asks]),
        nearest_observed=np.array([ask.nearest_observed for ask in asks]),
        seconds=system.seconds,
    )
