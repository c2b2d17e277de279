"""Strategies: what is maximised to choose the next point. One strategy, one short class.

A strategy knows the posterior, its own random stream and the points in flight, and nothing of the driver or
the search. It answers with a `Surface` over the unit cube; those that use no model answer with a uniform
sample. Those in this file ignore the points in flight, the others stand in `in_flight.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from headway_server.engine.gp.acquisition import LogExpectedImprovement, UpperConfidenceBound
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.paths import Path
from headway_server.engine.gp.posterior import Given, Posterior
from headway_server.engine.randomness import sobol_point
from headway_server.engine.search.surfaces import AcquisitionSurface, PathSurface, Surface


@dataclass(frozen=True)
class Draw:
    """What a strategy may use besides the posterior: its stream, the names of the draw, and who is busy."""

    rng: np.random.Generator
    seed: int
    number: int
    pending: Array
    """(p, d): distinct points in flight, those given out at this posterior among them."""
    given_out: Array
    """(g, d): those given out at this posterior."""


class Strategy:
    """Base of all strategies. Instances hold settings only; they may be shared between threads."""

    name: ClassVar[str]


class ModelBased(Strategy, ABC):
    """A strategy that maximises something over the posterior."""

    deterministic: ClassVar[bool] = False
    """Whether two requests at the same posterior would get the same surface. It is then conditioned on the
    points already given out there: on nothing else, and not at the first request."""

    def given(self, posterior: Posterior, draw: Draw) -> Given | None:
        """The points that this strategy conditions a posterior on; None: on none."""
        return posterior.given(draw.given_out) if self.deterministic else None

    @abstractmethod
    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        """What to maximise."""


class ModelFree(Strategy, ABC):
    """A strategy that needs no model."""

    @abstractmethod
    def sample(self, draw: Draw, dimension: int) -> Array:
        """Uniform numbers (dimension,), one a parameter."""


@dataclass(frozen=True)
class RandomizedUCB(ModelBased):
    """μ + √β σ with √β = shift + Exp(1) drawn per request.

    Berk et al. 2020, "Randomised Gaussian process upper confidence bound for Bayesian optimisation", and
    Takeno et al. 2023 (IRGP-UCB), whose β itself is a shifted exponential. Workers that ask at the same
    posterior get different points without any coordination.
    """

    name = "rucb"
    shift: float = 0.1
    rate: float = 1.0

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        root_beta = self.shift + float(draw.rng.standard_exponential()) / self.rate
        return AcquisitionSurface(posterior, UpperConfidenceBound(root_beta), given, root_beta**2)


@dataclass(frozen=True)
class UCB(ModelBased):
    """μ + √β σ with a fixed β (Srinivas et al. 2010), ignoring evaluations in flight."""

    name = "ucb"
    deterministic = True
    root_beta: float = 1.5

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        del draw
        acquisition = UpperConfidenceBound(self.root_beta)
        return AcquisitionSurface(posterior, acquisition, given, self.root_beta**2)


@dataclass(frozen=True)
class Thompson(ModelBased):
    """The maximiser of one posterior path per request (Thompson 1933; asynchronously: Kandasamy et al.
    2018), drawn by Matheron's rule.
    """

    name = "thompson"

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        del given
        return PathSurface(Path(posterior, draw.rng), f"{draw.seed}:{draw.number}")


@dataclass(frozen=True)
class LogEI(ModelBased):
    """Log expected improvement (Ament et al. 2023) over the largest posterior mean at an observed point,
    ignoring evaluations in flight.
    """

    name = "logei"
    deterministic = True

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        del draw
        best = float(posterior.means_at_data().max())
        if given is not None:
            best = max(best, float(given.values.max()))
        return AcquisitionSurface(posterior, LogExpectedImprovement(best), given)


@dataclass(frozen=True)
class Random(ModelFree):
    """Uniform in the sampler's encoding."""

    name = "random"

    def sample(self, draw: Draw, dimension: int) -> Array:
        return draw.rng.random(dimension)


@dataclass(frozen=True)
class Sobol(ModelFree):
    """Trial k gets the k-th point of a scrambled Sobol sequence (Owen 1998)."""

    name = "sobol"

    def sample(self, draw: Draw, dimension: int) -> Array:
        return sobol_point(draw.seed, draw.number, dimension)
