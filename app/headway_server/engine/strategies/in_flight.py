"""Strategies that take note of the points in flight: purpose-built for asynchronous work."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass

import numpy as np

from headway_server.engine.gp.posterior import Given, Posterior
from headway_server.engine.search.surfaces import Surface
from headway_server.engine.strategies.penalisation import PenalisedSurface, Penalties
from headway_server.engine.strategies.standard import UCB, Draw, LogEI, ModelBased, RandomizedUCB, Thompson


class Hallucinating(ModelBased, ABC):
    """A strategy for which the posterior mean stands in for the value of every point in flight: the mean
    stays and the variance shrinks (BUCB, Desautels et al. 2014, "Parallelizing exploration-exploitation
    tradeoffs"; the kriging believer, Ginsbourger et al. 2010, section 4.2).
    """

    def given(self, posterior: Posterior, draw: Draw) -> Given | None:
        """All points in flight."""
        return posterior.given(draw.pending)


@dataclass(frozen=True)
class HallucinatedUCB(Hallucinating, UCB):
    """UCB whose σ knows of the points in flight (Desautels et al. 2014, eq. 7)."""

    name = "hallucinated-ucb"


@dataclass(frozen=True)
class HallucinatedRandomizedUCB(Hallucinating, RandomizedUCB):
    """`rucb` whose σ knows of the points in flight."""

    name = "hallucinated-rucb"


@dataclass(frozen=True)
class HallucinatedLogEI(Hallucinating, LogEI):
    """LogEI that takes the points in flight as observed at their posterior mean (the kriging believer)."""

    name = "hallucinated-logei"


@dataclass(frozen=True)
class Portfolio(HallucinatedRandomizedUCB):
    """A Thompson path (Thompson 1933) for a share of the requests, drawn at random, and `hallucinated-rucb`
    for the others: what one overlooks the other visits.
    """

    name = "portfolio"
    paths: float = 0.2

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        if draw.rng.random() < self.paths:
            return Thompson().surface(posterior, draw, None)
        return super().surface(posterior, draw, given)


@dataclass(frozen=True)
class ConstantLiar(LogEI):
    """LogEI that takes the points in flight as observed at the best value seen.

    CL[min] of Ginsbourger et al. 2010, "Kriging is well-suited to parallelize optimization", section 4.2
    (there smaller is better), which did best in their comparison.
    """

    name = "constant-liar"

    def given(self, posterior: Posterior, draw: Draw) -> Given | None:
        """All points in flight, at the lie."""
        lie = np.full(len(draw.pending), float(posterior.site_z.max()))
        return posterior.given(draw.pending, lie)


@dataclass(frozen=True)
class LocalPenalisation(UCB):
    """log softplus(UCB) + Σ_b log φ_b over the points b in flight (González et al. 2016, "Batch Bayesian
    optimization via local penalization", eqs. 6 and 8).
    """

    name = "local-penalisation"

    def given(self, posterior: Posterior, draw: Draw) -> Given | None:
        """Nothing: the penalties keep it away from every point in flight."""
        del posterior, draw
        return None

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        surface = super().surface(posterior, draw, given)
        return PenalisedSurface(surface, Penalties.around(draw.pending, posterior))


@dataclass(frozen=True)
class QLogNEI(ModelBased):
    """Log noisy expected improvement jointly with all points in flight, by BoTorch (Letham et al. 2019; Ament
    et al. 2023).
    """

    name = "qlognei"

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        del given
        from headway_server.engine import boundary  # imports torch

        seed = int(draw.rng.integers(2**31))
        return boundary.noisy_log_ei([boundary.Bounded(posterior)], posterior.rows, draw.pending, seed)
