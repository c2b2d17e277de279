"""A whole search of the simplex in one process: the engine asks, the user answers with new samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from headway.wire.base import Params
from headway.wire.space import Simplex
from headway.wire.study import DEFAULT_STRATEGY
from headway_server.domain.space import SearchSpace
from headway_server.engine import Optimizer
from headway_workers.rewarded_soups.preference.objective import COMPONENTS, SoupPreference
from headway_workers.rewarded_soups.preference.user import Array

Measure = Callable[[list[float], int], tuple[float, float | None]]
"""Weights and the evaluation's number, from 1, to a value, larger is better, and its standard error."""
SEEDS_APART = 100_000


class Search:
    """A search of the simplex of these components."""

    def __init__(
        self, names: Sequence[str], measure: Measure, seed: int, strategy: str = DEFAULT_STRATEGY
    ) -> None:
        self._names, self._measure = tuple(names), measure
        space = SearchSpace.checked([Simplex(self._names, name="weights")])
        self._optimizer = Optimizer(space, seed=seed, maximize=True, strategy=strategy)
        self._tried: list[Params] = []
        self._values: list[float] = []

    def step(self) -> None:
        """One evaluation at the engine's next point."""
        params = self._optimizer.ask().params
        self._tried.append(params)
        value, error = self._measure(self._weights(params), len(self._tried))
        self._values.append(value)
        self._optimizer.tell(params, value, error)

    def incumbent(self) -> list[float]:
        """The weights that the posterior mean likes best among those tried.

        Under noise the best measured value is often luck; a mean has learnt from its neighbours. Without a
        model yet, the best measured.
        """
        means = [one.mean for one in self._optimizer.predict(self._tried)] or self._values
        return self._weights(self._tried[int(np.argmax(means))])

    def _weights(self, params: Params) -> list[float]:
        return [float(params[name]) for name in self._names]


def users_search(
    objective: SoupPreference, evaluations: int, seed: int, strategy: str = DEFAULT_STRATEGY
) -> Search:
    """A search for the weights that a user likes, so many evaluations long."""

    def measure(weights: list[float], number: int) -> tuple[float, float | None]:
        point: Params = dict(zip(COMPONENTS, weights, strict=True))
        found = objective.evaluate(point, seed=seed * SEEDS_APART + number)
        return found.objectives["satisfied"], found.noise["satisfied"]

    made = Search(COMPONENTS, measure, seed, strategy)
    for _ in range(evaluations):
        made.step()
    return made


def quadratic_optimum(preference: Array, curvatures: Array) -> Array:
    """λ* of N quadratic rewards −cᵢ ‖θ − θᵢ‖² for weights μ: μᵢ cᵢ / Σ μⱼ cⱼ, by our algebra: (N,).

    The gradient of Σ μᵢ Rᵢ vanishes at that mean of the θᵢ, so the best soup is the best θ of all.
    """
    weight = preference * curvatures
    return np.asarray(weight / weight.sum())
