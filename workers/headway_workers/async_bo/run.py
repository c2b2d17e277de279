"""One run: a method on a problem, with q workers, and all that was seen on the way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from headway.wire.base import Params
from headway.wire.model import Hyperparameters
from headway.wire.space import Float
from headway_server.domain.space import SearchSpace
from headway_server.engine import Fitted, Optimizer
from headway_server.engine.fits.outcomes import Standardize
from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.methods import METHODS
from headway_workers.async_bo.problems import Problem, problem
from headway_workers.async_bo.shifts import generator
from headway_workers.async_bo.simulator import Crew, durations, simulate

KNOWN_NOISE = 1e-6
"""Variance of the noise that the model assumes, besides the problem's own, where its hyperparameters are
known."""

Updates = Literal["intermediate", "own"]
"""What a worker's next point is chosen from. `intermediate`: everything that has come in, as the server does
it. `own`: what had come in when the worker last asked, and its own result: no update in between."""


@dataclass(frozen=True)
class Setting:
    """What is run; equal settings give equal runs of one version of the engine."""

    problem: str
    method: str
    workers: int
    seed: int
    budget: int = 100
    law: str = "exponential"
    updates: Updates = "intermediate"
    known: bool = False
    """Whether the model has the prior's own hyperparameters, as theory assumes; only where there are some."""
    spread: float = 0.0
    """Workers' speeds are drawn from a log-normal law with this standard deviation of the logarithm."""
    failing: float = 0.0
    """Share of the evaluations whose worker fails, so that no result comes."""
    synchronous: bool = False
    options: Mapping[str, float] = field(default_factory=dict)
    """Fields of the method's class, and `n_initial`, where they are not the defaults."""


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


@dataclass(frozen=True)
class Ask:
    """One question, as the method answered it; see `Trace`."""

    point: Array
    sd: float
    n_observed: int
    nearest_pending: float
    nearest_observed: float


@dataclass(frozen=True)
class Learnt:
    """An optimizer, and the points whose results it has."""

    optimizer: Optimizer
    points: list[Array] = field(default_factory=list)


class Asynchronous:
    """The engine driven as the server drives it: one posterior, brought up to date at every question."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._names = [f"x{k}" for k in range(problem(setting.problem, setting.seed).dimension)]
        self._model = self._new()
        self.asks: list[Ask] = []
        """In order."""
        self.seconds = 0.0

    def ask(self, number: int, pending: Mapping[int, Array]) -> Array:
        """The engine's point."""
        return self._ask(self._model, number, list(pending.values()))

    def tell(self, number: int, point: Array, value: float) -> None:
        """Take up a result."""
        del number
        self._tell(self._model, point, value)

    def recommended(self) -> Array:
        """The point among the results that the model thinks the best; the last one where it can't tell."""
        return self._best(self._model)

    def _best(self, model: Learnt) -> Array:
        means = [one.mean for one in model.optimizer.predict([self._params(x) for x in model.points])]
        return model.points[int(np.argmin(means)) if means else -1]

    def _ask(self, model: Learnt, number: int, pending: list[Array]) -> Array:
        began = time.process_time()
        suggestion = model.optimizer.ask([self._params(x) for x in pending], number=number)
        self.seconds += time.process_time() - began
        point = np.array([float(suggestion.params[name]) for name in self._names])
        predicted = suggestion.receipt.predicted
        self.asks.append(
            Ask(
                point,
                np.nan if predicted is None else predicted.sd,
                len(model.points),
                nearest(point, pending),
                nearest(point, model.points),
            )
        )
        return point

    def _tell(self, model: Learnt, point: Array, value: float) -> None:
        began = time.process_time()
        model.optimizer.tell(self._params(point), value)
        if self._setting.known and not model.points:
            model.optimizer.adopt(true_model(problem(self._setting.problem, self._setting.seed)), 1)
        self.seconds += time.process_time() - began
        model.points.append(point)

    def _params(self, point: Array) -> Params:
        return dict(zip(self._names, point.tolist(), strict=True))

    def _new(self) -> Learnt:
        setting = self._setting
        options = dict(setting.options)
        n_initial = options.pop("n_initial", None)
        optimizer = Optimizer(
            SearchSpace.checked([Float(0.0, 1.0, name=name) for name in self._names]),
            seed=setting.seed,
            n_initial=None if n_initial is None else int(n_initial),
            refit="external" if setting.known else "inline",
        )
        optimizer.strategy = METHODS[setting.method](**options)
        return Learnt(optimizer)


class OwnResultsOnly(Asynchronous):
    """Every worker chooses from what had come in when it last asked, and from its own result since.

    Who asks is who has just come back, and at the start who has not asked before.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._models: list[Learnt] = []
        """Of each worker."""
        self._worker_of: dict[int, int] = {}
        """By evaluation."""
        self._arrived: list[tuple[Array, float]] = []
        self._waiting: list[list[int]] = []
        """Of each worker: places among what has arrived that its model has not taken up."""
        self._back: int | None = None

    def ask(self, number: int, pending: Mapping[int, Array]) -> Array:
        if self._back is None:
            self._models.append(self._new())
            self._waiting.append(list(range(len(self._arrived))))
            self._back = len(self._models) - 1
        worker, self._back = self._back, None
        self._worker_of[number] = worker
        point = self._ask(self._models[worker], number, list(pending.values()))
        for place in self._waiting[worker]:  # for its next question
            self._tell(self._models[worker], *self._arrived[place])
        self._waiting[worker].clear()
        return point

    def tell(self, number: int, point: Array, value: float) -> None:
        self._back = self._worker_of[number]
        self._arrived.append((point, value))
        for worker, waiting in enumerate(self._waiting):
            if worker != self._back:
                waiting.append(len(self._arrived) - 1)
        self._tell(self._models[self._back], point, value)

    def recommended(self) -> Array:
        """By the model of the worker that came back last, which has heard of the most."""
        return self._best(max(self._models, key=lambda model: len(model.points)))

    def lose(self, number: int) -> None:
        """Its worker is back, with nothing."""
        self._back = self._worker_of[number]


def true_model(at: Problem) -> Fitted:
    """The prior that a function was drawn from, as a fit that nobody had to make.

    Raises:
        ValueError: it was drawn from none.
    """
    if at.lengthscale is None:
        raise ValueError(f"{at.name} was not drawn from a prior: its hyperparameters are not known.")
    return Fitted(
        status="ok",
        n_observed=0,
        hyperparameters=Hyperparameters(
            lengthscales=(at.lengthscale,) * at.dimension,
            noise=KNOWN_NOISE + at.noise_sd**2,
            outputscale=1.0,
            mean=0.0,
            transform="standardize",
        ),
        transform=Standardize(location=0.0, scale=1.0),
    )


def nearest(point: Array, others: list[Array]) -> float:
    """Distance to the nearest of the others, NaN where there are none."""
    if not others:
        return float("nan")
    away = np.array(others) - point
    return float(np.sqrt(np.vecdot(away, away).min()))


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
    system = OwnResultsOnly(setting) if setting.updates == "own" else Asynchronous(setting)
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
