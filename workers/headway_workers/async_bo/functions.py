"""Test functions of real variables, each to be minimised, with its box and one of its minimisers.

Every one of them is defined, and attains the same smallest value, on a box moved by a quarter of its width
(see `tests/benchmarks/test_functions.py`), so that problems may shift them. Definitions and minima, where
nothing else is said: Surjanovic and Bingham, "Virtual library of simulation experiments".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Function:
    """`evaluate` takes a point (d,); `box` is [low, high] for all coordinates or for each."""

    name: str
    evaluate: Callable[[Array], float]
    box: tuple[tuple[float, float], ...]
    minimiser: tuple[float, ...]
    minimum: float


def branin(x: Array) -> float:
    """Branin 1972; three minimisers in its usual box."""
    a, b = x
    level = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
    return float(level**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10)


HARTMANN_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN3_SCALES = np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]])
HARTMANN3_CENTRES = 1e-4 * np.array(
    [[3689.0, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]
)
HARTMANN6_SCALES = np.array(
    [
        [10.0, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
HARTMANN6_CENTRES = 1e-4 * np.array(
    [
        [1312.0, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann3(x: Array) -> float:
    """Hartmann 1973 in three dimensions."""
    return float(-HARTMANN_WEIGHTS @ np.exp(-(HARTMANN3_SCALES * (x - HARTMANN3_CENTRES) ** 2).sum(axis=1)))


def hartmann6(x: Array) -> float:
    """Hartmann 1973 in six dimensions; its second optimum lies 0.119 above the first."""
    return float(-HARTMANN_WEIGHTS @ np.exp(-(HARTMANN6_SCALES * (x - HARTMANN6_CENTRES) ** 2).sum(axis=1)))


def ackley(x: Array) -> float:
    """Ackley 1987."""
    root, waves = np.sqrt(np.mean(x**2)), np.mean(np.cos(2 * np.pi * x))
    return float(-20 * np.exp(-0.2 * root) - np.exp(waves) + 20 + np.e)


def levy(x: Array) -> float:
    """Levy."""
    w = 1 + (x - 1) / 4
    inner = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return float(np.sin(np.pi * w[0]) ** 2 + inner.sum() + last)


def rosenbrock(x: Array) -> float:
    """Rosenbrock 1960."""
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def log_rosenbrock(x: Array) -> float:
    """log10(1 + Rosenbrock), whose values span a few units instead of six orders of magnitude."""
    return float(np.log10(1 + rosenbrock(x)))


def styblinski_tang(x: Array) -> float:
    """Styblinski and Tang 1990."""
    return float(0.5 * (x**4 - 16 * x**2 + 5 * x).sum())


def michalewicz(x: Array) -> float:
    """Michalewicz 1992 with steepness 10."""
    i = np.arange(1, len(x) + 1)
    return float(-(np.sin(x) * np.sin(i * x**2 / np.pi) ** 20).sum())


def griewank(x: Array) -> float:
    """Griewank 1981."""
    i = np.arange(1, len(x) + 1)
    return float((x**2).sum() / 4000 - np.cos(x / np.sqrt(i)).prod() + 1)


def rastrigin(x: Array) -> float:
    """Rastrigin 1974."""
    return float(10 * len(x) + (x**2 - 10 * np.cos(2 * np.pi * x)).sum())


def dixon_price(x: Array) -> float:
    """Dixon and Price 1989."""
    i = np.arange(2, len(x) + 1)
    return float((x[0] - 1) ** 2 + (i * (2 * x[1:] ** 2 - x[:-1]) ** 2).sum())


def six_hump_camel(x: Array) -> float:
    """Six-hump camel; two minimisers."""
    a, b = x
    return float((4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (-4 + 4 * b**2) * b**2)


SHEKEL_WIDTHS = 0.1 * np.array([1, 2, 2, 4, 4, 6, 3, 7, 5, 5])
SHEKEL_CENTRES = np.array(
    [
        [4.0, 4, 4, 4],
        [1, 1, 1, 1],
        [8, 8, 8, 8],
        [6, 6, 6, 6],
        [3, 7, 3, 7],
        [2, 9, 2, 9],
        [5, 3, 5, 3],
        [8, 1, 8, 1],
        [6, 2, 6, 2],
        [7, 3.6, 7, 3.6],
    ]
)


def shekel(x: Array) -> float:
    """Shekel with ten wells."""
    return float(-(1 / (((x - SHEKEL_CENTRES) ** 2).sum(axis=1) + SHEKEL_WIDTHS)).sum())


def cosine_mixture(x: Array) -> float:
    """Breiman and Cutler 1993."""
    return float((x**2).sum() - 0.1 * np.cos(5 * np.pi * x).sum())


def zakharov(x: Array) -> float:
    """Zakharov."""
    slope = 0.5 * (np.arange(1, len(x) + 1) * x).sum()
    return float((x**2).sum() + slope**2 + slope**4)


def powell(x: Array) -> float:
    """Powell 1962; the dimension is a multiple of four."""
    a, b, c, d = x.reshape(-1, 4).T
    return float(((a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4).sum())


def bukin(x: Array) -> float:
    """Bukin's function number 6: a narrow curved ridge."""
    a, b = x
    return float(100 * np.sqrt(abs(b - 0.01 * a**2)) + 0.01 * abs(a + 10))


def _cube(
    name: str,
    evaluate: Callable[[Array], float],
    box: tuple[float, float],
    minimiser: tuple[float, ...],
    minimum: float,
) -> Function:
    return Function(name, evaluate, (box,) * len(minimiser), minimiser, minimum)


FUNCTIONS = MappingProxyType(
    {
        function.name: function
        for function in (
            Function("branin", branin, ((-5, 10), (0, 15)), (np.pi, 2.275), 0.39788735772973816),
            _cube("hartmann3", hartmann3, (0, 1), (0.114589, 0.555649, 0.852547), -3.8627797869493365),
            _cube(
                "hartmann6",
                hartmann6,
                (0, 1),
                (0.20168951, 0.15001069, 0.47687398, 0.27533243, 0.31165162, 0.65730054),
                -3.3223680114155152,
            ),
            _cube("ackley5", ackley, (-32.768, 32.768), (0.0,) * 5, 0.0),
            _cube("ackley10", ackley, (-32.768, 32.768), (0.0,) * 10, 0.0),
            _cube("levy10", levy, (-10, 10), (1.0,) * 10, 0.0),
            _cube("log-rosenbrock8", log_rosenbrock, (-5, 10), (1.0,) * 8, 0.0),
            _cube(
                "styblinski-tang7",
                styblinski_tang,
                (-5, 5),
                (-2.903534027771177,) * 7,
                7 * -39.16616570377142,
            ),
            _cube(
                "michalewicz5",
                michalewicz,
                (0, np.pi),
                (2.20290552, 1.57079633, 1.28499157, 1.92305847, 1.72046977),
                -4.687658179088148,
            ),
            _cube("griewank6", griewank, (-600, 600), (0.0,) * 6, 0.0),
            _cube("rastrigin4", rastrigin, (-5.12, 5.12), (0.0,) * 4, 0.0),
            _cube(
                "dixon-price6",
                dixon_price,
                (-10, 10),
                tuple(2.0 ** -((2.0**i - 2) / 2.0**i) for i in range(1, 7)),
                0.0,
            ),
            Function(
                "six-hump-camel",
                six_hump_camel,
                ((-3, 3), (-2, 2)),
                (0.08984201368301331, -0.7126564032704135),
                -1.031628453489877,
            ),
            _cube(
                "shekel4",
                shekel,
                (0, 10),
                (4.00074686, 3.99950981, 4.00074686, 3.99950981),
                -10.536443153483534,
            ),
            _cube("cosine8", cosine_mixture, (-1, 1), (0.0,) * 8, -0.8),
            _cube("zakharov6", zakharov, (-5, 10), (0.0,) * 6, 0.0),
            _cube("powell8", powell, (-4, 5), (0.0,) * 8, 0.0),
            Function("bukin", bukin, ((-15, -5), (-3, 3)), (-10.0, 1.0), 0.0),
        )
    }
)
"""By name."""
