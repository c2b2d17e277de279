"""Test problems with whole numbers, categories and booleans, each to be minimised.

Each takes what its parameters mean: real numbers as an array, categories as places in their list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from headway_workers.async_bo.functions import Array, ackley, rosenbrock, six_hump_camel


def beale(x: Array) -> float:
    """Beale 1958."""
    a, b = x
    return float((1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2)


def _rosenbrock(x: Array) -> float:
    return rosenbrock(x) / 300


def _camel(x: Array) -> float:
    return six_hump_camel(x) / 10


def _beale(x: Array) -> float:
    return beale(x) / 50


TERMS: Sequence[Callable[[Array], float]] = (_rosenbrock, _camel, _beale)
"""What the first two categories of Func-2C and Func-3C choose from; the second has two more places, both
Beale's."""
FUNC2C_MINIMISER = (0.08984201368301331 / 2, -0.7126564032704135 / 2)
FUNC2C_MINIMUM = 2 * -0.1031628453489877
FUNC3C_MINIMUM = 7 * -0.1031628453489877


def func2c(x: Array, first: int, second: int) -> float:
    """Func-2C of Ru, Alvi, Nguyen, Osborne and Roberts 2020, "Bayesian optimisation over multiple
    continuous and categorical inputs" (ICML), without its jitter: x (2,), 3 × 5 categories.
    """
    scaled = 2 * x
    return TERMS[first](scaled) + TERMS[min(second, 2)](scaled)


def func3c(x: Array, first: int, second: int, third: int) -> float:
    """Func-3C of the same paper: x (2,), 3 × 5 × 4 categories."""
    scaled = 2 * x
    extra = (5 * _camel(scaled), 2 * _rosenbrock(scaled), 2 * _beale(scaled), 3 * _beale(scaled))
    return func2c(x, first, second) + extra[third]


def mixed_ackley(x: Array, flags: Sequence[bool]) -> float:
    """Ackley over booleans, read as 0 and 1, and real numbers: the Ackley-53 of Bliek, Verwer and de
    Weerdt 2021, "Black-box combinatorial optimization using models with integer-valued minima", with fewer
    booleans.
    """
    return ackley(np.concatenate([np.asarray(flags, dtype=np.float64), x]))


def mixed_rosenbrock(x: Array, whole: Sequence[int]) -> float:
    """The ten-dimensional Rosenbrock of the same authors: three whole numbers, seven real ones, over 300."""
    return rosenbrock(np.concatenate([np.asarray(whole, dtype=np.float64), x])) / 300


def vessel_cost(shell: float, head: float, radius: float, length: float) -> float:
    """Material, forming and welding of a cylindrical pressure vessel (Kannan and Kramer 1994)."""
    return (
        0.6224 * shell * radius * length
        + 1.7781 * head * radius**2
        + 3.1661 * shell**2 * length
        + 19.84 * shell**2 * radius
    )


VESSEL_MINIMISER = (13, 7, 42.0984455958549, 176.636595842439)
"""Sixteenths of an inch, sixteenths of an inch, inches, inches."""
VESSEL_MINIMUM = float(np.log10(6059.714335048436))


def pressure_vessel(shell: int, head: int, radius: float, length: float) -> float:
    """log10 of the cost, raised where a constraint is violated.

    Sandgren 1990, "Nonlinear integer and discrete programming in mechanical design optimization": shell and
    head thickness are multiples of 1/16 inch; shell ≥ 0.0193 R, head ≥ 0.00954 R, volume ≥ 1 296 000 cubic
    inches. The cost is multiplied by the cube of every ratio by which a constraint is missed, a penalty
    steep enough to leave the constrained minimum where it is (tests search every pair of thicknesses).
    """
    s, h = shell / 16, head / 16
    volume = np.pi * radius**2 * length + 4 / 3 * np.pi * radius**3
    missed = (0.0193 * radius / s, 0.00954 * radius / h, 1_296_000 / volume)
    penalty = 3 * sum(max(0.0, np.log10(ratio)) for ratio in missed)
    return float(np.log10(vessel_cost(s, h, radius, length)) + penalty)
