"""A parameter that buys accuracy for cost: where to look, and how accurately."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headway.wire.base import Params
from headway.wire.space import Float, Int
from headway.wire.trial import FidelityChoice
from headway_server.domain.goals import FidelityGoal
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.points.encoding import Encoding
from headway_server.engine.search.surfaces import Surface

LEVELS = 9
"""Fidelities that are compared, evenly spaced on the parameter's own scale."""


class ProjectedSurface(Surface):
    """A surface seen at the target fidelity, whatever the fidelity of the point asked for."""

    def __init__(self, surface: Surface, column: int, target: float) -> None:
        self._surface, self._column, self._target = surface, column, target
        self.beta, self.path_id, self.n_given = surface.beta, surface.path_id, surface.n_given

    def values(self, rows: Array) -> Array:
        return self._surface.values(self._projected(rows))

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        value, gradient = self._surface.values_and_gradients(self._projected(rows))
        gradient = gradient.copy()
        gradient[:, self._column] = 0.0
        return value, gradient

    def _projected(self, rows: Array) -> Array:
        rows = rows.copy()
        rows[:, self._column] = self._target
        return rows


@dataclass(frozen=True)
class _Level:
    value: float
    unit: float
    cost: float


class FidelityAxis:
    """The fidelity of one search space, and the choice of it.

    The model is the exact posterior with the fidelity as one more input. The point is chosen by the study's
    strategy at the target fidelity (Kandasamy et al. 2017, "Multi-fidelity Bayesian optimisation with
    continuous approximations", section 3); then its fidelity, to learn most about the point at the target
    per cost: the share 1 − (sd after/sd before)² of the variance there that a measurement would remove
    (Cohn et al. 1996, "Active learning with statistical models"), over what it costs. A cheap look removes
    little of what cheap looks have left, so that a point which stays the best is measured at the target.
    """

    def __init__(self, goal: FidelityGoal, encoding: Encoding) -> None:
        self._goal = goal
        self._encoding = encoding
        self.column = next(
            block.start for block in encoding.space.blocks if block.parameter.name == goal.parameter
        )
        self._levels = self._compared()
        self.target = self._unit(goal.target)

    @property
    def parameter(self) -> str:
        """The name of the fidelity."""
        return self._goal.parameter

    def project(self, rows: Array) -> Array:
        """Rows (r, d) at the target fidelity, a new array."""
        rows = rows.copy()
        rows[:, self.column] = self.target
        return rows

    def surface(self, surface: Surface) -> Surface:
        """The surface at the target fidelity."""
        return ProjectedSurface(surface, self.column, self.target)

    def choose(
        self, posterior: Posterior, row: Array, free: Callable[[Array], bool]
    ) -> tuple[Array, FidelityChoice]:
        """A row (d,) at the fidelity that removes most of its variance at the target, per cost.

        Of those at which it is `free` to be given out; of all, where it is so at none.
        """
        target = self.project(row[None])
        before = float(posterior.moments(target)[1][0])
        found: list[tuple[float, float, _Level, Array]] = []
        for level in self._levels:
            at = target.copy()
            at[0, self.column] = level.unit
            given = posterior.given(at)
            after = before if given is None else float(posterior.moments(target, given)[1][0])
            removed = max(1.0 - (after / before) ** 2, 0.0)
            found.append((removed / level.cost, removed, level, at[0]))
        ranked = sorted(found, key=lambda one: -one[0])
        _, removed, level, chosen = next((one for one in ranked if free(one[-1])), ranked[0])
        return chosen, FidelityChoice(
            parameter=self._goal.parameter, value=level.value, cost=level.cost, removed=removed
        )

    def _compared(self) -> list[_Level]:
        """The target first, so that of equals it is chosen; then the others."""
        parameter = self._encoding.space.blocks[self._index].parameter
        if not isinstance(parameter, Float | Int):
            raise TypeError(f"{parameter.name} is no number")
        warped = [math.log(x) if parameter.log else float(x) for x in (parameter.low, parameter.high)]
        steps = np.linspace(warped[0], warped[1], LEVELS).tolist()
        values = [math.exp(x) if parameter.log else x for x in steps]
        if isinstance(parameter, Int):
            values = [float(round(x)) for x in values]
        values = [min(max(x, float(parameter.low)), float(parameter.high)) for x in values]
        unique = dict.fromkeys([self._goal.target, *values])
        return [_Level(value, self._unit(value), self._goal.cost(value)) for value in unique]

    @property
    def _index(self) -> int:
        names = [block.parameter.name for block in self._encoding.space.blocks]
        return names.index(self._goal.parameter)

    def _unit(self, value: float) -> float:
        """A value's coordinate in the unit cube."""
        parameter = self._encoding.space.blocks[self._index].parameter
        point: Params = self._encoding.space.from_uniform([0.5] * self._encoding.n_parameters)
        point[self._goal.parameter] = int(value) if isinstance(parameter, Int) else value
        return self._encoding.space.to_unit(point)[self.column]
