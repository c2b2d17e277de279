"""What is optimised: test functions in shifted boxes, functions drawn from a known prior, noise, and tasks.

Points are rows of the unit cube, (d,), as the engine's model encodes them: a coordinate a number, one a
choice of a category. A problem is drawn by seed; every method meets the same one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from headway.wire.base import Params
from headway.wire.space import Categorical, Float
from headway_server.domain.space import SearchSpace
from headway_server.engine.points.encoding import Encoding
from headway_workers.async_bo.boosted_trees import CAPPED_TREES, MOST_TREES, BoostedTrees, parameters
from headway_workers.async_bo.functions import FUNCTIONS, Array
from headway_workers.async_bo.images import CIFAR10, cifar10, digits
from headway_workers.async_bo.pest_control import CHOICES, STAGES, PestControl
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
SYNTHETIC = (*PRIOR_LENGTHSCALES, *TESTED, *NOISY)
TASKS = ("pest-control", "xgboost")
"""Of the core paper; `xgboost` with at most `boosted_trees.CAPPED_TREES` trees."""
LONG_TASKS = ("xgboost-uncapped", "cnn-digits", "cnn-cifar10")
"""With the authors' 1 to 50,000 trees; a network of six layers on digits, where the authors' is on CIFAR-10;
and that. Minutes an evaluation, so that they are run where they are asked for only."""
NAMES = (*SYNTHETIC, *TASKS, *LONG_TASKS)


@dataclass(frozen=True)
class Problem:
    """To be minimised."""

    name: str
    encoding: Encoding
    """Of the space: what rows stand for."""
    evaluate: Callable[[Array], float]
    minimum: float
    """The smallest value; of a task, the best that is known, or a bound."""
    minimiser: Array | None
    """(d,): one of them; None where none is known."""
    lengthscale: float | None = None
    """Of the prior that it was drawn from; None: it was drawn from none."""
    noise_sd: float = 0.0
    """What is observed is the value and Gaussian noise of this standard deviation."""

    @property
    def dimension(self) -> int:
        """Coordinates of a row."""
        return self.encoding.width

    @property
    def unit(self) -> float:
        """What distances are measured in: the lengthscale, or a quarter of the cube's diagonal."""
        return self.lengthscale or 0.25 * float(np.sqrt(self.dimension))

    def params(self, point: Array) -> Params:
        """The point that a row stands for."""
        return self.encoding.params(point)

    def row(self, params: Params) -> Array:
        """The row that stands for a point."""
        return np.asarray(self.encoding.rows([params])[0])


@lru_cache(maxsize=64)
def problem(name: str, seed: int) -> Problem:
    """The problem of that name as it is at that seed.

    Raises:
        KeyError: where there is none of that name.
        ModuleNotFoundError: it needs XGBoost, which is not installed.
        DataUnavailable: it needs CIFAR-10, which is not there.
    """
    if name in NOISY:
        of, noise_sd = NOISY[name]
        return replace(problem(of, seed), name=name, noise_sd=noise_sd)
    if name in _TASKS:
        return _TASKS[name](name, seed)
    rng = generator(name, seed)
    if name in PRIOR_LENGTHSCALES:
        dimension, lengthscale = PRIOR_LENGTHSCALES[name]
        draw = PriorDraw.draw(dimension, lengthscale, rng)
        minimiser, minimum = draw.minimum()
        return Problem(name, cube(dimension), lambda x: float(draw(x)), minimum, minimiser, lengthscale)
    function = FUNCTIONS[name]
    low, high = np.array(function.box, dtype=np.float64).T
    best = np.array(function.minimiser)
    shift = shifted(rng, low, high, best)

    def evaluate(x: Array) -> float:
        return function.evaluate(low + x * (high - low) + shift)

    return Problem(name, cube(len(low)), evaluate, function.minimum, (best - shift - low) / (high - low))


def cube(dimension: int) -> Encoding:
    """The unit cube."""
    return Encoding(SearchSpace.checked([Float(0.0, 1.0, name=f"x{k}") for k in range(dimension)]))


def pest_control(name: str, seed: int) -> Problem:
    """Pest control; its minimum is the best that is known."""
    task = PestControl.drawn(generator(name, seed))
    choices = tuple(str(k) for k in range(CHOICES))
    stages = [Categorical(choices, name=f"stage{k}") for k in range(STAGES)]
    policy, cost = task.best_known()

    def evaluate(x: Array) -> float:
        return float(task.costs(x.reshape(1, STAGES, CHOICES).argmax(axis=2))[0])

    minimiser = np.eye(CHOICES)[policy].ravel()
    return Problem(name, Encoding(SearchSpace.checked(stages)), evaluate, cost, minimiser)


def boosted_trees(name: str, seed: int) -> Problem:
    """Boosted trees; the smallest error is not known, so that regret is the error itself."""
    most_trees = CAPPED_TREES if name == "xgboost" else MOST_TREES
    task, encoding = BoostedTrees.drawn(seed), Encoding(SearchSpace.checked(parameters(most_trees)))
    return Problem(name, encoding, lambda x: task.error(encoding.params(x)), 0.0, None)


def convolutional_network(name: str, seed: int) -> Problem:
    """A convolutional network, on a CUDA device where there is one; regret is the validation error itself."""
    import torch

    from headway_workers.async_bo import convolutions

    folder = Path(os.environ.get(CIFAR10, "cifar-10-batches-bin"))
    images = digits(seed) if name == "cnn-digits" else cifar10(folder)
    encoding = Encoding(SearchSpace.checked(convolutions.parameters()))
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def evaluate(x: Array) -> float:
        return convolutions.error(encoding.params(x), images, seed, device=device)

    return Problem(name, encoding, evaluate, 0.0, None)


_TASKS: Mapping[str, Callable[[str, int], Problem]] = MappingProxyType(
    {
        "pest-control": pest_control,
        "xgboost": boosted_trees,
        "xgboost-uncapped": boosted_trees,
        "cnn-digits": convolutional_network,
        "cnn-cifar10": convolutional_network,
    }
)
