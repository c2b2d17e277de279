"""The engine as a system of the simulator: with every result that came in, or with a worker's own only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from headway.wire.model import Hyperparameters
from headway_server.engine import Fitted, Optimizer
from headway_server.engine.fits.outcomes import Standardize
from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.methods import strategy
from headway_workers.async_bo.problems import Problem
from headway_workers.async_bo.setting import Setting

KNOWN_NOISE = 1e-6
"""Variance of the noise that the model assumes, besides the problem's own, where its hyperparameters are
known."""


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

    def __init__(self, setting: Setting, at: Problem) -> None:
        self._setting, self._at = setting, at
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
        means = [one.mean for one in model.optimizer.predict([self._at.params(x) for x in model.points])]
        return model.points[int(np.argmin(means)) if means else -1]

    def _ask(self, model: Learnt, number: int, pending: list[Array]) -> Array:
        began = time.process_time()
        suggestion = model.optimizer.ask([self._at.params(x) for x in pending], number=number)
        self.seconds += time.process_time() - began
        point = self._at.row(suggestion.params)
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
        model.optimizer.tell(self._at.params(point), value)
        if self._setting.known and not model.points:
            model.optimizer.adopt(true_model(self._at), 1)
        self.seconds += time.process_time() - began
        model.points.append(point)

    def _new(self) -> Learnt:
        setting = self._setting
        options = dict(setting.options)
        n_initial = options.pop("n_initial", None)
        optimizer = Optimizer(
            self._at.encoding.space,
            seed=setting.seed,
            n_initial=None if n_initial is None else int(n_initial),
            refit="external" if setting.known else "inline",
        )
        optimizer.strategy = strategy(setting.method, self._at.encoding, options)
        return Learnt(optimizer)


class OwnResultsOnly(Asynchronous):
    """Every worker chooses from what had come in when it last asked, and from its own result since.

    Who asks is who has just come back, and at the start who has not asked before.
    """

    def __init__(self, setting: Setting, at: Problem) -> None:
        super().__init__(setting, at)
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
