"""GP-UCB-PE: upper confidence bound for one request in q, pure exploration for the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from headway_server.engine.gp.posterior import Given, Posterior
from headway_server.engine.search.surfaces import AcquisitionSurface, Surface
from headway_server.engine.strategies.in_flight import HallucinatedUCB
from headway_server.engine.strategies.standard import UCB, Draw
from headway_workers.async_bo.functions import Array

PENALTY = 10.0
"""Of each unit by which a point's upper confidence bound falls short of the region's edge."""


@dataclass(frozen=True)
class Deviation:
    """The standard deviation: σ."""

    logarithmic: ClassVar[bool] = False

    def __call__(self, mean: Array, sd: Array) -> tuple[Array, Array, Array]:
        return sd, np.zeros_like(mean), np.ones_like(sd)


@dataclass(frozen=True)
class Shortfall:
    """How far the upper bound falls short: `PENALTY` · min(μ + r σ − edge, 0)."""

    edge: float
    root_beta: float
    logarithmic: ClassVar[bool] = False

    def __call__(self, mean: Array, sd: Array) -> tuple[Array, Array, Array]:
        short = mean + self.root_beta * sd - self.edge
        outside: Array = np.where(short < 0.0, PENALTY, 0.0)
        return outside * short, outside, self.root_beta * outside


class ExplorationSurface(Surface):
    """σ of the posterior given the points in flight, within the region that may still hold the optimum."""

    def __init__(self, posterior: Posterior, given: Given | None, root_beta: float) -> None:
        mean, sd = posterior.moments(posterior.rows)
        edge = float((mean - root_beta * sd).max())
        self._parts = (
            AcquisitionSurface(posterior, Deviation(), given),
            AcquisitionSurface(posterior, Shortfall(edge, 2.0 * root_beta)),
        )
        self.n_given = self._parts[0].n_given

    def values(self, rows: Array) -> Array:
        deviation, shortfall = (part.values(rows) for part in self._parts)
        return deviation + shortfall

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        deviation, shortfall = (part.values_and_gradients(rows) for part in self._parts)
        return deviation[0] + shortfall[0], deviation[1] + shortfall[1]


@dataclass(frozen=True)
class UCBPureExploration(HallucinatedUCB):
    """UCB on the results alone for one request in q; for the others the largest σ given the points in flight,
    where μ + 2√β σ reaches the largest μ − √β σ.

    Contal et al. 2013, "Parallel Gaussian process optimization with upper confidence bound and pure
    exploration" (GP-UCB-PE), whose q points are a batch. Without batches, of any q numbers in a row, one is
    UCB's; the region is kept by a penalty.
    """

    name = "ucb-pe"

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        if draw.number % (len(draw.pending) + 1) == 0:
            return UCB(self.root_beta).surface(posterior, draw, None)
        return ExplorationSurface(posterior, given, self.root_beta)
