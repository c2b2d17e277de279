"""What is optimised: test functions in shifted boxes, functions drawn from a known prior, and noise.

Points are rows of the unit cube, (d,). A problem is drawn by seed; every method meets the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from headway_workers.async_bo.functions import FUNCTIONS, Array
from headway_workers.async_bo.prior import PriorDraw
from headway_workers.async_bo.shifts import generator, shifted

PRIOR_LENGTHSCALES: Mapping[str, tuple[int, float]] = MappingProxyType(
    {"gp2": (2, 0.15), "gp5": (5, 0.45), "gp10": (10, 0.9)}
)
"""Dimension and lengthscale: about as many hills along each side in every dimension."""
TESTED = (
    "branin",
    "hartmann3",
    "hartmann6",
    "ackley5",
    "ackley10",
    "levy10",
    "log-rosenbrock8",
    "styblinski-tang7",
    "michalewicz5",
)
NOISY: Mapping[str, tuple[str, float]] = MappingProxyType(
    {"noisy-gp5": ("gp5", 0.3), "noisy-hartmann6": ("hartmann6", 0.2)}
)
"""The same function seen through noise of this standard deviation."""
NAMES = (*PRIOR_LENGTHSCALES, *TESTED, *NOISY)


@dataclass(frozen=True)
class Problem:
    """To be minimised over the unit cube."""

    name: str
    dimension: int
    evaluate: Callable[[Array], float]
    minimum: float
    minimiser: Array
    """(d,): one of them."""
    lengthscale: float | None = None
    """Of the prior that it was drawn from; None: it was drawn from none."""
    noise_sd: float = 0.0
    """What is observed is the value and Gaussian noise of this standard deviation."""

    @property
    def unit(self) -> float:
        """What distances are measured in: the lengthscale, or a quarter of the cube's diagonal."""
        return self.lengthscale or 0.25 * float(np.sqrt(self.dimension))


@lru_cache(maxsize=64)
def problem(name: str, seed: int) -> Problem:
    """The problem of that name as it is at that seed.

    Raises:
        KeyError: where there is none of that name.
    """
    if name in NOISY:
        of, noise_sd = NOISY[name]
        return replace(problem(of, seed), name=name, noise_sd=noise_sd)
    rng = generator(name, seed)
    if name in PRIOR_LENGTHSCALES:
        dimension, lengthscale = PRIOR_LENGTHSCALES[name]
        draw = PriorDraw.draw(dimension, lengthscale, rng)
        minimiser, minimum = draw.minimum()
        return Problem(name, dimension, lambda x: float(draw(x)), minimum, minimiser, lengthscale)
    function = FUNCTIONS[name]
    low, high = np.array(function.box, dtype=np.float64).T
    best = np.array(function.minimiser)
    shift = shifted(rng, low, high, best)

    def evaluate(x: Array) -> float:
        return function.evaluate(low + x * (high - low) + shift)

    return Problem(name, len(low), evaluate, function.minimum, (best - shift - low) / (high - low))
