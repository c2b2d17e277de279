"""What is maximised where a study has more than one plain objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headway_server.domain.goals import Goals
from headway_server.engine.goals.fidelity import FidelityAxis
from headway_server.engine.goals.outcome_constraints import (
    LogProbability,
    LogProbabilityWithin,
    WeighedSurface,
    is_log_improvement,
)
from headway_server.engine.goals.scalarisation import Chebyshev, ScalarisedSurface, non_dominated
from headway_server.engine.gp.acquisition import LogExpectedImprovement, UpperConfidenceBound
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import Given
from headway_server.engine.models.model import Model, prediction
from headway_server.engine.search.surfaces import AcquisitionSurface, Surface
from headway_server.engine.strategies.in_flight import QLogNEI
from headway_server.engine.strategies.standard import Draw, ModelBased, Thompson

HYPERVOLUME = "qlognehvi"
"""The policy where the improvement of several objectives is sought, by whatever strategy."""
JUDGED_AT_TARGET = 64
"""Observed points, best first, whose posterior mean at the target fidelity is looked at."""


@dataclass(frozen=True)
class Sought:
    """What is maximised, and what goes with it."""

    surface: Surface
    policy: str
    incumbents: Array
    """(b, d): rows from which the search starts too, best first."""
    log_p: Surface | None = None
    """The logarithm of the probability that a point keeps the outcome constraints."""
    weights: dict[str, float] | None = None


class GoalSurface:
    """The posteriors of all metrics at one moment, and the rules of the study's goals.

    Args:
        goals: not plain.
        models: one per metric, in the goals' order, each with a posterior over the same sites.
        axis: of the fidelity, where there is one.
        feasibility: log probability that a point has values at all, where some had none.
    """

    def __init__(
        self,
        goals: Goals,
        models: Mapping[str, Model],
        axis: FidelityAxis | None,
        feasibility: Surface | None,
    ) -> None:
        self._goals = goals
        self._feasibility = feasibility
        self._axis = axis
        self._models = models
        self._posteriors = {name: model.ready for name, model in models.items()}
        self._rows = self._posteriors[goals.metrics[0]].rows
        self._bounds = {
            name: _transformed(models[name], goals.signs[name], *goals.interval(name))
            for name in goals.constrained
        }

    def sought(self, strategy: ModelBased, draw: Draw) -> Sought:
        """What this strategy maximises."""
        given = {name: strategy.given(posterior, draw) for name, posterior in self._posteriors.items()}
        log_p = self._log_probability(given)
        several = len(self._goals.objectives) > 1
        return (self._several if several else self._single)(strategy, draw, given, log_p)

    def account(self, sought: Sought, row: Array) -> dict[str, object]:
        """What the receipt of a point (d,) says of it."""
        expected = {
            name: prediction(self._models[name], posterior, row, self._goals.signs[name])
            for name, posterior in self._posteriors.items()
        }
        log_p = sought.log_p
        return {
            "policy": sought.policy,
            "beta": sought.surface.beta,
            "path_id": sought.surface.path_id,
            "transform": self._models[self._goals.metrics[0]].transform.kind,
            "predicted": expected[self._goals.metrics[0]],
            "predicted_metrics": expected if len(expected) > 1 else None,
            "p_feasible": None if log_p is None else float(np.exp(log_p.values(row[None])[0])),
            "weights": sought.weights,
            "n_hallucinated": sought.surface.n_given,
        }

    def _single(
        self,
        strategy: ModelBased,
        draw: Draw,
        given: Mapping[str, Given | None],
        log_p: Surface | None,
    ) -> Sought:
        first = self._goals.metrics[0]
        posterior = self._posteriors[first]
        means, rows, feasible = self._at_target(first)
        order = np.lexsort((-means, ~feasible))
        incumbents = rows[order]
        by_botorch = isinstance(strategy, QLogNEI)
        surface = None if by_botorch else strategy.surface(posterior, draw, given[first])
        improves = surface is None or is_log_improvement(surface)
        if log_p is not None and improves and not feasible.any():
            surface = log_p  # there is nothing to improve on yet (Gelbart et al. 2014, section 3.1)
        elif surface is None:
            surface = self._noisy(1, rows, draw)
        else:
            if improves:
                best = max(float(means[order[0]]), self._best_given(given))
                surface = AcquisitionSurface(posterior, LogExpectedImprovement(best), given[first])
            if log_p is not None:
                surface = WeighedSurface(surface, log_p, float(means.min()))
        if self._axis is not None:
            surface = self._axis.surface(surface)
        return Sought(surface, strategy.name, incumbents, log_p)

    def _several(
        self,
        strategy: ModelBased,
        draw: Draw,
        given: Mapping[str, Given | None],
        log_p: Surface | None,
    ) -> Sought:
        names = [objective.name for objective in self._goals.objectives]
        means = np.stack([self._posteriors[name].means_at_data() for name in names], axis=1)
        feasible = self._feasible(np.arange(len(means)))
        judged = means[feasible] if feasible.any() else means
        scalarisation = Chebyshev.draw(judged, draw.rng)
        scores = scalarisation(means)[0]
        incumbents = self._rows[np.lexsort((-scores, ~feasible))]
        first = strategy.surface(self._posteriors[names[0]], draw, given[names[0]])
        if first.logarithmic:
            on_front = self._rows[feasible][non_dominated(judged)] if feasible.any() else incumbents
            surface = self._noisy(len(names), self._rows, draw)
            return Sought(surface, HYPERVOLUME, on_front[draw.rng.permutation(len(on_front))], log_p)
        surfaces = [first]
        for name in names[1:]:
            if first.beta is None:  # a path: each objective has its own
                surfaces.append(Thompson().surface(self._posteriors[name], draw, None))
            else:
                bound = UpperConfidenceBound(float(np.sqrt(first.beta)))
                surfaces.append(AcquisitionSurface(self._posteriors[name], bound, given[name], first.beta))
        scalarised: Surface = ScalarisedSurface(surfaces, scalarisation)
        if log_p is not None:
            scalarised = WeighedSurface(scalarised, log_p, float(scores.min()))
        weights = dict(zip(names, scalarisation.weights.tolist(), strict=True))
        return Sought(scalarised, strategy.name, incumbents, log_p, weights)

    def _noisy(self, n_objectives: int, baseline: Array, draw: Draw) -> Surface:
        """BoTorch's noisy improvement of one objective, or of several."""
        from headway_server.engine import boundary  # imports torch

        metrics = [
            boundary.Bounded(posterior, *self._bounds.get(name, (-np.inf, np.inf)))
            for name, posterior in self._posteriors.items()
        ]
        seed = int(draw.rng.integers(2**31))
        if n_objectives == 1:
            surface = boundary.noisy_log_ei(metrics, baseline, draw.pending, seed)
        else:
            surface = boundary.noisy_log_ehvi(metrics, n_objectives, baseline, draw.pending, seed)
        return surface if self._feasibility is None else WeighedSurface(surface, self._feasibility, 0.0)

    def _log_probability(self, given: Mapping[str, Given | None]) -> Surface | None:
        parts: list[Surface] = [
            AcquisitionSurface(self._posteriors[name], LogProbabilityWithin(low, high), given[name])
            for name, (low, high) in self._bounds.items()
        ]
        if self._feasibility is not None:
            parts.append(self._feasibility)
        return LogProbability(parts) if parts else None

    def _at_target(self, name: str) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
        """Posterior means (b,) at observed points, their rows (b, d), and whether they seem feasible (b,).

        Where there is a fidelity: at the target, and of the most promising points only.
        """
        posterior = self._posteriors[name]
        means = posterior.means_at_data()
        if self._axis is None:
            return means, self._rows, self._feasible(np.arange(len(means)))
        promising = np.argsort(-means, kind="stable")[:JUDGED_AT_TARGET]
        rows = np.unique(self._axis.project(self._rows[promising]), axis=0)
        feasible = np.ones(len(rows), dtype=np.bool_)
        for metric, (low, high) in self._bounds.items():
            mean = self._posteriors[metric].moments(rows)[0]
            feasible &= (mean >= low) & (mean <= high)
        return posterior.moments(rows)[0], rows, feasible

    def _best_given(self, given: Mapping[str, Given | None]) -> float:
        """The best objective among the points conditioned on that seem feasible. At other fidelities than the
        target they say nothing of it.
        """
        first = given[self._goals.metrics[0]]
        if first is None or self._axis is not None:
            return -np.inf
        feasible = np.ones(len(first.values), dtype=np.bool_)
        for metric, (low, high) in self._bounds.items():
            one = given[metric]
            if one is not None:
                feasible &= (one.values >= low) & (one.values <= high)
        return float(first.values[feasible].max(initial=-np.inf))

    def _feasible(self, places: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Whether the posterior means at observed points keep every bound."""
        feasible = np.ones(len(places), dtype=np.bool_)
        for metric, (low, high) in self._bounds.items():
            mean = self._posteriors[metric].means_at_data()[places]
            feasible &= (mean >= low) & (mean <= high)
        return feasible


def _transformed(model: Model, sign: float, low: float, high: float) -> tuple[float, float]:
    """Ends of an interval of measured values, as transformed utilities; infinite ends stay so."""

    def z(value: float) -> float:
        return value if np.isinf(value) else float(model.transform.forward(np.array([value]))[0])

    ends = sorted((sign * low, sign * high))
    return z(ends[0]), z(ends[1])
