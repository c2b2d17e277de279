"""BoTorch by hand: a SingleTaskGP refitted at every request, and qLogNEI with the pending points.

The model, acquisition function and optimiser are the library's with their defaults (10 restarts from 512 raw
samples, as in its tutorials); a space with whole numbers, booleans or categories takes the library's mixed
optimiser, and one with categories its mixed model. The start is as long as headway's, from BoTorch's own
scrambled Sobol sequence.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, assert_never

import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.gp_regression_mixed import MixedSingleTaskGP
from botorch.optim.optimize import optimize_acqf
from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch import Tensor
from torch.quasirandom import SobolEngine

from benchmarks.parameters import Choice, Flag, Parameter, Point, Real, Value, Whole
from benchmarks.problems import Problem

RESTARTS, RAW_SAMPLES = 10, 512
sobol: Any = SobolEngine
"""Untyped in torch."""


class LogNEI:
    """Rows are in [0, 1] for numbers and booleans; a category is its place in the list."""

    def __init__(self, problem: Problem, seed: int) -> None:
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self._parameters = problem.parameters
        self._sobol = sobol(len(self._parameters), scramble=True, seed=seed)
        self._initial = max(4, min(len(self._parameters) + 2, 10))
        self._discrete: dict[int, list[float]] = {}
        self._categories: dict[int, list[float]] = {}
        upper = []
        for place, parameter in enumerate(self._parameters):
            upper.append(1.0)
            if isinstance(parameter, Choice):
                upper[-1] = len(parameter.choices) - 1.0
                self._categories[place] = [float(k) for k in range(len(parameter.choices))]
            elif not isinstance(parameter, Real):
                self._discrete[place] = _levels(parameter)
        self._bounds = torch.tensor([[0.0] * len(upper), upper], dtype=torch.float64)
        self._numbers: list[int] = []
        self._rows: list[Tensor] = []
        self._values: list[float] = []

    def ask(self, number: int, pending: Mapping[int, Point]) -> Point:
        if number <= self._initial or len(self._values) < 2:
            sample = self._sobol.draw(1, dtype=torch.float64)[0].tolist()
            return {p.name: _from_uniform(p, u) for p, u in zip(self._parameters, sample, strict=True)}
        x = torch.stack(self._rows)
        y = -torch.tensor(self._values, dtype=torch.float64)[:, None]
        model = (
            MixedSingleTaskGP(x, y, cat_dims=list(self._categories))
            if self._categories
            else SingleTaskGP(x, y)
        )
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        waiting = torch.stack([self._row(p) for p in pending.values()]) if pending else None
        acquisition = qLogNoisyExpectedImprovement(model, X_baseline=x, X_pending=waiting)
        if self._discrete or self._categories:
            row, _ = optimize_acqf_mixed_alternating(
                acquisition,
                bounds=self._bounds,
                discrete_dims=self._discrete,
                cat_dims=self._categories,
                num_restarts=RESTARTS,
                raw_samples=RAW_SAMPLES,
            )
        else:
            row, _ = optimize_acqf(
                acquisition, bounds=self._bounds, q=1, num_restarts=RESTARTS, raw_samples=RAW_SAMPLES
            )
        return self._point(row[0])

    def tell(self, number: int, point: Point, value: float) -> None:
        self._numbers.append(number)
        self._rows.append(self._row(point))
        self._values.append(value)

    def records(self) -> Mapping[int, tuple[Point, float]]:
        """The training data, decoded."""
        return {
            number: (self._point(row), value)
            for number, row, value in zip(self._numbers, self._rows, self._values, strict=True)
        }

    def _row(self, point: Point) -> Tensor:
        row = [_encoded(p, point[p.name]) for p in self._parameters]
        return torch.tensor(row, dtype=torch.float64)

    def _point(self, row: Tensor) -> Point:
        return {p.name: _decoded(p, u) for p, u in zip(self._parameters, row.tolist(), strict=True)}


def _levels(parameter: Whole | Flag) -> list[float]:
    if isinstance(parameter, Flag):
        return [0.0, 1.0]
    count = parameter.high - parameter.low
    return [k / count for k in range(count + 1)]


def _encoded(parameter: Parameter, value: Value) -> float:
    match parameter:
        case Real() | Whole():
            return (float(value) - parameter.low) / (parameter.high - parameter.low)
        case Choice():
            return float(parameter.choices.index(str(value)))
        case Flag():
            return float(value)
    assert_never(parameter)


def _decoded(parameter: Parameter, u: float) -> Value:
    match parameter:
        case Real():
            return parameter.low + u * (parameter.high - parameter.low)
        case Whole():
            return round(parameter.low + u * (parameter.high - parameter.low))
        case Choice():
            return parameter.choices[round(u)]
        case Flag():
            return round(u) == 1
    assert_never(parameter)


def _from_uniform(parameter: Parameter, u: float) -> Value:
    match parameter:
        case Real():
            return parameter.low + u * (parameter.high - parameter.low)
        case Whole():
            return parameter.low + int(u * (parameter.high - parameter.low + 1))
        case Choice():
            return parameter.choices[int(u * len(parameter.choices))]
        case Flag():
            return u >= 0.5
    assert_never(parameter)
