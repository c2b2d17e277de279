"""Why a point: its score taken apart, the data that speak for it, and what else could have been chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from headway.wire.base import Params
from headway.wire.explanation import Alternative, Score
from headway_server.engine.goals.outcome_constraints import WeighedSurface
from headway_server.engine.gp.acquisition import Acquisition, LogExpectedImprovement, UpperConfidenceBound
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.models.model import Model, intervals
from headway_server.engine.points.encoding import Encoding
from headway_server.engine.search.restarts import Effort, search
from headway_server.engine.search.surfaces import AcquisitionSurface, Surface

SIMILAR = 0.9
"""An alternative that correlates with another point by so much is the same choice."""


@dataclass(frozen=True)
class Near:
    """A measured point; `observation` is the place of its first result among all, in order."""

    observation: int
    params: Params
    value: float
    similarity: float
    weight: float


class Scored:
    """The acquisition under a model with a posterior, and its parts.

    Args:
        model: of the one objective.
        log_p: the logarithm of the probability that a point has a value; None: every point has one.
        beta: UCB's; None: the expected improvement is meant.
        sign: 1 where larger values are better, −1 where smaller ones are.
    """

    def __init__(self, model: Model, log_p: Surface | None, beta: float | None, sign: float) -> None:
        self._model, self._log_p, self._beta, self._sign = model, log_p, beta, sign
        self._posterior = model.ready
        self._means = self._posterior.means_at_data()
        self._best = float(self._means.max())
        acquisition: Acquisition = (
            LogExpectedImprovement(self._best) if beta is None else UpperConfidenceBound(math.sqrt(beta))
        )
        plain = AcquisitionSurface(self._posterior, acquisition)
        floor = float(self._means.min())
        self._surface: Surface = plain if log_p is None else WeighedSurface(plain, log_p, floor)

    def score(self, row: Array) -> Score:
        """The parts at (d,)."""
        (mean,), (sd,) = self._posterior.moments(row[None])
        log_p = None if self._log_p is None else float(self._log_p.values(row[None])[0])
        return Score(
            acquisition="log-ei" if self._beta is None else "ucb",
            mean=float(mean),
            sd=float(sd),
            beta=self._beta,
            exploration=None if self._beta is None else math.sqrt(self._beta) * float(sd),
            best=self._best,
            p_improvement=float(ndtr((mean - self._best) / sd)),
            p_feasible=None if log_p is None else math.exp(log_p),
            total=float(self._surface.values(row[None])[0]),
        )

    def alternatives(
        self, row: Array, encoding: Encoding, count: int, rng: np.random.Generator
    ) -> list[Alternative]:
        """Up to `count` optima that resemble neither (d,) nor each other, best first."""
        if count == 0:
            return []
        effort = Effort()
        order = np.argsort(-self._means, kind="stable")[: effort.incumbents]
        incumbents = self._posterior.rows[order]
        rows, _ = search(self._surface, self._posterior, encoding, incumbents, rng=rng, effort=effort)
        kept = row[None]
        found: list[Alternative] = []
        for other in rows:
            point = encoding.params(other)
            at = encoding.rows([point])
            if similarity(self._posterior, at, kept).max() > SIMILAR or not encoding.space.holds(point):
                continue
            kept = np.concatenate([kept, at])
            (predicted,) = intervals(self._model, self._posterior, at, self._sign)
            found.append(Alternative(params=point, predicted=predicted, score=self.score(at[0])))
            if len(found) == count:
                break
        return found


def nearest(model: Model, encoding: Encoding, row: Array, count: int, sign: float) -> list[Near]:
    """The `count` measured points that are most similar to (d,), with their weights in the posterior mean:
    w = K⁻¹ k (Rasmussen and Williams 2006, eq. 2.25, as a linear predictor).
    """
    posterior = model.ready
    alike = similarity(posterior, row[None], posterior.rows)[0]
    weights = posterior.solve(alike * posterior.outputscale)
    values = sign * model.transform.backward(posterior.site_z)
    first = posterior.first_observations
    return [
        Near(
            observation=int(first[i]),
            params=encoding.params(posterior.rows[i]),
            value=float(values[i]),
            similarity=float(alike[i]),
            weight=float(weights[i]),
        )
        for i in np.argsort(-alike, kind="stable")[:count]
    ]


def similarity(posterior: Posterior, rows: Array, others: Array) -> Array:
    """Correlation of points under the kernel: (r, d), (o, d) to (r, o)."""
    kernel = posterior.kernel
    return kernel.correlate(kernel.scaled(rows), kernel.lifted(kernel.scaled(others)))[0]
