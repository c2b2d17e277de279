"""Purpose-built asynchronous methods that the server does not offer, as its engine's strategies.

They are what the paper's claim is about; they live where the comparison is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from headway_server.engine import STRATEGIES
from headway_server.engine.gp.paths import Path
from headway_server.engine.gp.posterior import Given, Posterior
from headway_server.engine.points.encoding import Encoding
from headway_server.engine.randomness import sobol_block
from headway_server.engine.search.surfaces import PathSurface, Surface
from headway_server.engine.strategies.penalisation import PenalisedSurface
from headway_server.engine.strategies.standard import UCB, Draw, ModelBased, ModelFree
from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.pure_exploration import UCBPureExploration

POWER = -5.0
"""p of Alvi et al. 2019."""
GAMMA = 1.0
LOG2_PROBES = 6
"""2^this points around each one in flight are looked at for the steepest slope."""
LOG2_FRONT = 10
"""2^this Sobol points, besides the data, of which the Pareto set of mean and deviation is taken."""


@dataclass(frozen=True)
class HardPenalties:
    """log Π_b φ_b(x), φ_b = (r_b^p + 1)^{1/p}, r_b = L_b ‖x − x_b‖ / (|μ(x_b) − M| + γ σ(x_b)), p = −5.

    Alvi et al. 2019, "Asynchronous batch Bayesian optimisation with improved local penalisation"
    (PLAyBOOK-HL). L_b is the steepest slope of the posterior mean within a lengthscale of x_b.
    """

    centres: Array
    """(b, d)."""
    steepness: Array
    """(b,): L_b over the ball's radius times L_b."""

    @classmethod
    def around(cls, centres: Array, posterior: Posterior) -> HardPenalties:
        """The penalties of points in flight (b, d)."""
        means, sds = posterior.moments(centres)
        best = float(posterior.means_at_data().max())
        lengthscales = np.asarray(posterior.kernel.lengthscales)
        block = (sobol_block(centres.shape[1], LOG2_PROBES) - 0.5) * 2.0 * np.minimum(lengthscales, 0.5)
        probes = np.clip(centres[:, None] + block, 0.0, 1.0)
        gradients = posterior.mean_with_gradient(probes.reshape(-1, centres.shape[1]))[1]
        slopes = np.linalg.norm(gradients, axis=1).reshape(len(centres), -1).max(axis=1)
        return cls(centres, np.maximum(slopes, 1e-7) / (np.abs(means - best) + GAMMA * sds))

    def __call__(self, rows: Array) -> tuple[Array, Array]:
        """Σ_b log φ_b (r,) and its gradient (r, d) at (r, d)."""
        away = rows[:, None] - self.centres
        distance = np.maximum(np.sqrt(np.vecdot(away, away)), 1e-12)
        r = np.maximum(self.steepness * distance, 1e-12)
        log_phi = np.logaddexp(POWER * np.log(r), 0.0) / POWER
        slope = expit(POWER * np.log(r)) / distance  # d log φ / d distance
        return log_phi.sum(axis=1), np.einsum("rb,rbd->rd", slope / distance, away)


@dataclass(frozen=True)
class Playbook(UCB):
    """UCB with hard local penalties around the points in flight (Alvi et al. 2019, PLAyBOOK-HL)."""

    name = "playbook"

    def given(self, posterior: Posterior, draw: Draw) -> Given | None:
        """Nothing: the penalties keep it away from every point in flight."""
        del posterior, draw
        return None

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        surface = super().surface(posterior, draw, given)
        if len(draw.pending) == 0:
            return surface
        return PenalisedSurface(surface, HardPenalties.around(draw.pending, posterior))


class MeanSurface(Surface):
    """The posterior mean."""

    beta = 0.0

    def __init__(self, posterior: Posterior) -> None:
        self._posterior = posterior

    def values(self, rows: Array) -> Array:
        return self._posterior.moments(rows)[0]

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        return self._posterior.mean_with_gradient(rows)


class PointSurface(Surface):
    """Highest at one point: how a strategy that has chosen already says so to the search."""

    def __init__(self, point: Array) -> None:
        self._point = point

    def values(self, rows: Array) -> Array:
        away = rows - self._point
        return np.asarray(-np.vecdot(away, away))

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        return self.values(rows), -2.0 * (rows - self._point)


@dataclass(frozen=True)
class Aegis(ModelBased):
    """The largest mean with probability 1 − ε, else a Thompson path or a random point of the Pareto set of
    mean and deviation, with equal odds; ε = min(2/√d, 1).

    De Ath et al. 2021, "Asynchronous ε-greedy Bayesian optimisation" (AEGiS). There the Pareto set is
    found by an evolutionary algorithm; here it is that of a Sobol block and the data. d counts parameters,
    however many coordinates a model gives them.
    """

    name = "aegis"
    encoding: Encoding | None = None
    """Of the space; None: it is the unit cube."""

    def surface(self, posterior: Posterior, draw: Draw, given: Given | None) -> Surface:
        del given
        d = posterior.rows.shape[1] if self.encoding is None else self.encoding.n_parameters
        epsilon = min(2.0 / math.sqrt(d), 1.0)
        lot = draw.rng.random()
        if lot < 1.0 - epsilon:
            return MeanSurface(posterior)
        if lot < 1.0 - epsilon / 2.0:
            return PathSurface(Path(posterior, draw.rng), f"{draw.seed}:{draw.number}")
        block = sobol_block(d, LOG2_FRONT)
        sampled = block if self.encoding is None else self.encoding.from_samples(block)
        candidates = np.concatenate([sampled, posterior.rows])
        front = undominated(*posterior.moments(candidates))
        return PointSurface(candidates[front[draw.rng.integers(len(front))]])


def undominated(means: Array, sds: Array) -> npt.NDArray[np.intp]:
    """Indices of the points that no other has at least as large a mean and a deviation of: (n,), (n,)."""
    order = np.lexsort((-sds, -means))
    highest = np.maximum.accumulate(np.concatenate([[-np.inf], sds[order][:-1]]))
    return order[sds[order] > highest]


METHODS: Mapping[str, type[ModelBased | ModelFree]] = MappingProxyType(
    {**STRATEGIES, **{method.name: method for method in (Playbook, Aegis, UCBPureExploration)}}
)
"""Every strategy of the server, and the others, by name."""


def strategy(name: str, encoding: Encoding, options: Mapping[str, float]) -> ModelBased | ModelFree:
    """The method of that name for a space; `options` are fields of its class.

    Raises:
        KeyError: there is none of that name.
        TypeError: it has no such field.
    """
    method = METHODS[name]
    return Aegis(encoding, **options) if method is Aegis else method(**options)


STANDARD = ("ucb", "rucb", "logei", "thompson")
"""Standard acquisition functions, which know nothing of the points in flight."""
PURPOSE_BUILT = (
    "hallucinated-ucb",
    "hallucinated-logei",
    "constant-liar",
    "local-penalisation",
    "playbook",
    "aegis",
    "ucb-pe",
)
PENALISING = ("local-penalisation", "playbook")
"""Those that push away from every point in flight."""
