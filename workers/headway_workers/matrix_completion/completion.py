"""The objective matrix-completion: recover a random matrix by whichever algorithm, precisely and cheaply."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway.wire.base import Params
from headway.wire.space import Int
from headway.wire.study import Objective as Goal
from headway_workers.contract import Evaluation, FidelityAxis, Metric, Objective, Report, silent
from headway_workers.matrix_completion.algorithms import ALGORITHMS
from headway_workers.matrix_completion.course import (
    Unfinished,
    algorithm_parameters,
    is_rung,
    number,
    watched,
)
from headway_workers.matrix_completion.descent import Iterate, descend, imbalance, spectral_start
from headway_workers.matrix_completion.observed import Matrix
from headway_workers.matrix_completion.residuals import Residuals, residuals
from headway_workers.matrix_completion.synthetic import Ensemble, Synthetic

ENVIRONMENT = Ensemble(d1=400, d2=300, rank=10, p=0.2, kappa=5.0, sigma=0.01)
"""3.5 seen entries a degree of freedom, with noise of 1 % of an entry."""

LARGEST_IMBALANCE = 1.0
"""Bound on max ‖XᵀX − YᵀY‖_F/σ₁ over the path: the gradient methods keep it, ScaledGD may not."""


class MatrixCompletion(Objective):
    """Error on entries that were not seen against operations, for a random matrix of rank 10.

    Both are on a logarithmic scale: ‖X Yᵀ − M‖/‖M‖ over half of the unseen entries, and floating-point
    operations by count. The other half of the unseen entries gives the audit's error. Wrong ranks, steps
    and weights make either worse; too long a step diverges (status `diverged`). Descent is deterministic:
    the problem's seed draws the matrix, and the evaluation's seed changes nothing. One core, float64: 0.05
    to 10 s.
    """

    name = "matrix-completion"
    summary = "Error on unseen entries against operations, for seven algorithms of low-rank completion."
    parameters = (
        *algorithm_parameters(shortest_step=0.05),
        Int(1, 40, name="rank_fit"),
        Int(10, 2_000, log=True, name="max_iter"),
    )
    goals = (Goal(name="log10_error", goal="minimize"), Goal(name="log10_operations", goal="minimize"))
    outcome_constraints = (f"imbalance <= {LARGEST_IMBALANCE}",)
    fidelity = FidelityAxis("max_iter", 10, 2_000)

    def __init__(
        self,
        problem_seed: int = 0,
        ensemble: Ensemble = ENVIRONMENT,
        dtype: type[np.floating] = np.float64,
    ) -> None:
        self.problem_seed = problem_seed
        self.ensemble = ensemble
        self.dtype = dtype

    @cached_property
    def problem(self) -> Synthetic:
        """The matrix and what is seen of it."""
        return self.ensemble.draw(self.problem_seed, self.dtype)

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,  # noqa: ARG002 - nothing in this experiment is random
        fidelity: int | None = None,
        device: str = "cpu",
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """Error and operations after `max_iter` steps, or after `fidelity`; rungs at powers of 2."""
        algorithm, rank = str(params["algorithm"]), int(params["rank_fit"])
        iterations = int(params["max_iter"]) if fidelity is None else fidelity
        seen = residuals(self.problem.observed, device)
        held_out = _HeldOut.of(self.problem, seen)
        per_step = ALGORITHMS[algorithm].operations(seen, rank)
        start = spectral_start(self.problem.observed, rank, number(params, "init_scale", 1.0))
        path = descend(
            seen,
            start,
            number(params, "eta", 1.0),
            iterations,
            algorithm=algorithm,
            lam=number(params, "lam", 0.0),
        )
        course = _Course(start.sigma1)
        try:
            for last in watched(path, iterations, deadline):
                course.note(last)
                if last.iteration == 0:
                    first = held_out.errors(last)[0]
                if is_rung(last.iteration):
                    report(last.iteration, math.log10(held_out.errors(last)[0]))
        except Unfinished as end:
            return end.evaluation(per_step)
        selection, audit = held_out.errors(last)
        return Evaluation(
            objectives={
                "log10_error": math.log10(selection),
                "log10_operations": math.log10(per_step * iterations),
            },
            constraints={"imbalance": course.imbalance},
            metrics={
                "log10_error_audit": Metric(math.log10(audit), "audit"),
                "log10_error_at_start": Metric(math.log10(first), "selection"),
                **course.metrics(),
            },
            operations=per_step * iterations,
        )


@dataclass(frozen=True)
class _HeldOut:
    """The entries that were not seen, in two halves: the optimiser's, and the audit's."""

    truth: Matrix
    halves: tuple[Matrix, Matrix]
    """Indicators, shape (d1, d2) each."""
    norms: tuple[float, float]

    @classmethod
    def of(cls, problem: Synthetic, seen: Residuals) -> _HeldOut:
        coin = np.random.default_rng(problem.noise_seed + 1).random(problem.known.shape) < 0.5
        unseen = ~problem.known
        halves: tuple[NDArray[Any], NDArray[Any]] = (unseen & coin, unseen & ~coin)
        norms = tuple(float(np.linalg.norm(problem.truth[half])) for half in halves)
        dtype = problem.truth.dtype
        return cls(
            seen.place(problem.truth),
            (seen.place(halves[0].astype(dtype)), seen.place(halves[1].astype(dtype))),
            (norms[0], norms[1]),
        )

    def errors(self, at: Iterate) -> tuple[float, float]:
        """‖X Yᵀ − M‖/‖M‖ over each half; not below what rounding leaves."""
        wrong = at.X @ at.Y.T - self.truth
        wrong *= wrong
        one, other = (float((wrong * half).sum()) ** 0.5 for half in self.halves)
        return max(one / self.norms[0], _LEAST), max(other / self.norms[1], _LEAST)


_LEAST = 1e-16
"""An error of 0 has no logarithm; this is below rounding in float64."""


class _Course:
    """What is measured along the path."""

    def __init__(self, sigma1: float) -> None:
        self._sigma1 = sigma1
        self._residuals: list[float] = []
        self.imbalance = 0.0

    def note(self, at: Iterate) -> None:
        self._residuals.append(at.relative_residual)
        D = imbalance(at.X, at.Y)
        self.imbalance = max(self.imbalance, float((D * D).sum()) ** 0.5 / self._sigma1)

    def metrics(self) -> dict[str, Metric]:
        found = {"relative_residual": Metric(self._residuals[-1])}
        for decade in (1, 2, 3, 6, 8):
            below = [k for k, value in enumerate(self._residuals) if value <= 10.0**-decade]
            if below:
                found[f"iterations_to_1e-{decade}"] = Metric(float(below[0]))
        half = np.maximum(self._residuals[len(self._residuals) // 2 :], np.finfo(float).tiny)
        if len(half) >= 3:
            slope = np.polyfit(np.arange(len(half)), np.log(half), 1)[0]
            found["residual_rate"] = Metric(float(np.exp(slope)))
        return found
