"""Strategies: what is maximised to choose the next point. One strategy, one short class.

A strategy knows the posterior and its own random stream, and nothing of the driver, the search or the
trials in flight. It answers with a `Surface` over the unit cube; those that use no model answer with a
uniform sample.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from headway_server.engine.acquisition import Acquisition, LogExpectedImprovement, UpperConfidenceBound
from headway_server.engine.kernel import Array
from headway_server.engine.paths import Path
from headway_server.engine.posterior import Given, Posterior
from headway_server.engine.randomness import sobol_point


class Surface(ABC):
    """A function over the unit cube to be maximised, and what a receipt says of it."""

    beta: float | None = None
    path_id: str | None = None

    @abstractmethod
    def values(self, rows: Array) -> Array:
        """(r, d) to (r,)."""

    @abstractmethod
    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        """(r, d) to (r,) and (r, d)."""


class AcquisitionSurface(Surface):
    """A closed-form acquisition function of the posterior, perhaps given further points."""

    def __init__(
        self,
        posterior: Posterior,
        acquisition: Acquisition,
        given: Given | None = None,
        beta: float | None = None,
    ) -> None:
        self._posterior, self.acquisition, self._given = posterior, acquisition, given
        self.beta = beta

    def values(self, rows: Array) -> Array:
        return self._posterior.acquire(rows, self.acquisition, self._given)

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        return self._posterior.acquire_with_gradient(rows, self.acquisition, self._given)


class PathSurface(Surface):
    """One posterior path."""

    def __init__(self, path: Path, path_id: str) -> None:
        self._path, self.path_id = path, path_id

    def values(self, rows: Array) -> Array:
        return self._path.values(rows)

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        return self._path.values_and_gradients(rows)


@dataclass(frozen=True)
class Draw:
    """What a strategy may use besides the posterior: its stream, and the names of the draw."""

    rng: np.random.Generator
    seed: int
    number: int
    pending: Array = field(default_factory=lambda: np.empty((0, 0)))
    """(p, d): points in flight, those given out at this posterior among them."""


class Strategy:
    """Base of all strategies. Instances hold settings only; they may be shared between threads."""

    name: ClassVar[str]


class ModelBased(Strategy, ABC):
    """A strategy that maximises something over the posterior."""

    deterministic: ClassVar[bool] = False
    """Whether two requests at the same posterior get the same surface. The driver then conditions on the
    points already given out."""

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
    shift: float = 0.3
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
        return AcquisitionSurface(posterior, LogExpectedImprovement(best), given)


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


STRATEGIES: Mapping[str, type[ModelBased | ModelFree]] = MappingProxyType(
    {strategy.name: strategy for strategy in (RandomizedUCB, UCB, Thompson, LogEI, QLogNEI, Random, Sobol)}
)
"""Every strategy that a study may name."""
