"""The two suites: problems that are reported, and others on which defaults are chosen.

A problem is drawn by seed. Its box is moved against the function, by up to a quarter of each width, so that
no optimum sits at the box's centre or on a grid; booleans are flipped. Every system meets the same
problem, and the same noise, at the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from benchmarks import mixed
from benchmarks.parameters import Choice, Flag, Parameter, Point, Real, Whole
from headway_workers.async_bo.functions import FUNCTIONS, Array
from headway_workers.async_bo.shifts import generator, shifted

NOISE = {"noisy-hartmann6": 0.2, "noisy-cosine8": 0.1}
"""Standard deviations of Gaussian noise; the other problems have none."""


@dataclass(frozen=True)
class Problem:
    """To be minimised."""

    name: str
    parameters: tuple[Parameter, ...]
    true_value: Callable[[Point], float]
    minimum: float
    minimiser: Point
    """One of them."""
    noise_sd: float = 0.0
    seed: int = 0

    def observed_value(self, number: int, point: Point) -> float:
        """What evaluation `number` (from 1) reports: the true value with that evaluation's noise."""
        if self.noise_sd == 0:
            return self.true_value(point)
        noise = generator(self.name, self.seed, number).standard_normal()
        return self.true_value(point) + self.noise_sd * float(noise)


def continuous(name: str, seed: int) -> Problem:
    """A test function of real variables in its shifted box."""
    function = FUNCTIONS[name.removeprefix("noisy-")]
    low, high = np.array(function.box, dtype=np.float64).T
    best = np.array(function.minimiser)
    shift = shifted(generator(name, seed), low, high, best)
    names = [f"x{i}" for i in range(len(low))]

    def true_value(point: Point) -> float:
        return function.evaluate(_reals(point, names) + shift)

    return Problem(
        name,
        _box(names, low, high),
        true_value,
        function.minimum,
        dict(zip(names, (best - shift).tolist(), strict=True)),
        NOISE.get(name, 0.0),
        seed,
    )


def func_of_categories(name: str, seed: int) -> Problem:
    """Func-2C or Func-3C, its box shifted."""
    evaluate: Callable[..., float]
    if name == "func2c":
        evaluate, minimum, letters = mixed.func2c, mixed.FUNC2C_MINIMUM, ["abc", "abcde"]
    else:
        evaluate, minimum, letters = mixed.func3c, mixed.FUNC3C_MINIMUM, ["abc", "abcde", "abcd"]
    low, high = np.full(2, -1.0), np.full(2, 1.0)
    best = np.array(mixed.FUNC2C_MINIMISER)
    shift = shifted(generator(name, seed), low, high, best)
    kinds = [Choice(f"c{k}", tuple(choices)) for k, choices in enumerate(letters)]

    def true_value(point: Point) -> float:
        places = [kind.choices.index(str(point[kind.name])) for kind in kinds]
        return evaluate(_reals(point, ["x0", "x1"]) + shift, *places)

    minimiser: Point = dict(zip(("c0", "c1", "c2"), "bba"[: len(kinds)], strict=False))
    minimiser |= dict(zip(["x0", "x1"], (best - shift).tolist(), strict=True))
    parameters: tuple[Parameter, ...] = (*kinds, *_box(["x0", "x1"], low, high))
    return Problem(name, parameters, true_value, minimum, minimiser)


def mixed_ackley(name: str, seed: int) -> Problem:
    """Ackley over ten booleans, flipped at random, and three real numbers."""
    rng = generator(name, seed)
    low, high = np.full(3, -1.0), np.full(3, 1.0)
    shift = shifted(rng, low, high, np.zeros(3))
    flipped = (rng.random(10) < 0.5).tolist()
    names, flags = [f"x{i}" for i in range(3)], [f"b{i}" for i in range(10)]

    def true_value(point: Point) -> float:
        on = [bool(point[flag]) != flip for flag, flip in zip(flags, flipped, strict=True)]
        return mixed.mixed_ackley(_reals(point, names) + shift, on)

    minimiser: Point = dict(zip(flags, flipped, strict=True))
    minimiser |= dict(zip(names, (-shift).tolist(), strict=True))
    parameters: tuple[Parameter, ...] = (*(Flag(flag) for flag in flags), *_box(names, low, high))
    return Problem(name, parameters, true_value, 0.0, minimiser)


def mixed_rosenbrock(name: str, seed: int) -> Problem:
    """Rosenbrock over three whole numbers, which stay where they are, and seven shifted real ones."""
    low, high = np.full(7, -2.0), np.full(7, 2.0)
    shift = shifted(generator(name, seed), low, high, np.ones(7))
    names, whole = [f"x{i}" for i in range(7)], [f"k{i}" for i in range(3)]

    def true_value(point: Point) -> float:
        return mixed.mixed_rosenbrock(_reals(point, names) + shift, [int(point[k]) for k in whole])

    minimiser: Point = dict.fromkeys(whole, 1)
    minimiser |= dict(zip(names, (1 - shift).tolist(), strict=True))
    parameters: tuple[Parameter, ...] = (*(Whole(k, -2, 2) for k in whole), *_box(names, low, high))
    return Problem(name, parameters, true_value, 0.0, minimiser)


def pressure_vessel(name: str, seed: int) -> Problem:
    """The vessel's domain is an engineer's, so that nothing is shifted; only the seeds of systems differ."""
    parameters = (
        Whole("shell", 1, 99),
        Whole("head", 1, 99),
        Real("radius", 10, 200),
        Real("length", 10, 200),
    )

    def true_value(point: Point) -> float:
        return mixed.pressure_vessel(
            int(point["shell"]), int(point["head"]), float(point["radius"]), float(point["length"])
        )

    minimiser: Point = dict(zip(("shell", "head", "radius", "length"), mixed.VESSEL_MINIMISER, strict=True))
    return Problem(name, parameters, true_value, mixed.VESSEL_MINIMUM, minimiser, seed=seed)


REPORTED = (
    "branin",
    "hartmann3",
    "hartmann6",
    "noisy-hartmann6",
    "ackley5",
    "ackley10",
    "levy10",
    "log-rosenbrock8",
    "styblinski-tang7",
    "michalewicz5",
    "func3c",
    "mixed-ackley13",
    "pressure-vessel",
)
TUNING = (
    "griewank6",
    "rastrigin4",
    "dixon-price6",
    "six-hump-camel",
    "shekel4",
    "cosine8",
    "noisy-cosine8",
    "zakharov6",
    "powell8",
    "bukin",
    "func2c",
    "mixed-rosenbrock10",
)
"""None of these is reported: defaults are chosen on them."""

MIXED: Mapping[str, Callable[[str, int], Problem]] = MappingProxyType(
    {
        "func2c": func_of_categories,
        "func3c": func_of_categories,
        "mixed-ackley13": mixed_ackley,
        "mixed-rosenbrock10": mixed_rosenbrock,
        "pressure-vessel": pressure_vessel,
    }
)


def problem(name: str, seed: int) -> Problem:
    """The problem of that name as it is at that seed.

    Raises:
        KeyError: where there is none of that name.
    """
    return MIXED.get(name, continuous)(name, seed)


def _box(names: list[str], low: Array, high: Array) -> tuple[Real, ...]:
    return tuple(Real(name, float(a), float(b)) for name, a, b in zip(names, low, high, strict=True))


def _reals(point: Point, names: list[str]) -> Array:
    return np.array([float(point[name]) for name in names])
