"""Moves that keep rational linear equations true: how whole numbers that an equality binds can change.

Exact arithmetic throughout; the numbers of parameters are small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

Row = list[Fraction]


def eliminated(real: Sequence[Row], whole: Sequence[Row]) -> list[Row]:
    """The equations that whole numbers must keep among themselves, whatever the real ones do.

    Args:
        real: coefficients (q, r) of the real unknowns.
        whole: coefficients (q, w) of the whole ones.

    Returns:
        Coefficients (≤ q, w): combinations of the equations without the real unknowns (Gauss).
    """
    rows = [[*first, *second] for first, second in zip(real, whole, strict=True)]
    r = len(real[0]) if real else 0
    for column in range(r):
        pivot = next((row for row in rows if row[column] != 0), None)
        if pivot is None:
            continue
        rows = [
            [a - row[column] / pivot[column] * b for a, b in zip(row, pivot, strict=True)]
            for row in rows
            if row is not pivot
        ]
    return [row[r:] for row in rows if any(row[r:])]


def kernel(equations: Sequence[Row], width: int) -> list[list[int]]:
    """A basis of the integer vectors of this width that solve homogeneous equations (q, width), shortened.

    Column operations to Hermite form (Cohen 1993, "A course in computational algebraic number theory",
    section 2.4.3): what they do to the identity spans the kernel where they leave zero columns.
    """
    columns = [[int(i == j) for i in range(width)] for j in range(width)]
    images = [[_whole(row)[j] for row in equations] for j in range(width)]
    done = 0
    for i in range(len(equations)):
        while True:
            live = [j for j in range(done, width) if images[j][i] != 0]
            if len(live) <= 1:
                break
            least = min(live, key=lambda j: abs(images[j][i]))
            for j in live:
                if j != least:
                    times = images[j][i] // images[least][i]
                    columns[j] = _minus(columns[j], columns[least], times)
                    images[j] = _minus(images[j], images[least], times)
        if live:
            columns[done], columns[live[0]] = columns[live[0]], columns[done]
            images[done], images[live[0]] = images[live[0]], images[done]
            done += 1
    return _shortened(columns[done:])


def _whole(row: Row) -> list[int]:
    common = math.lcm(*(one.denominator for one in row))
    return [int(one * common) for one in row]


def _minus(first: list[int], second: list[int], times: int) -> list[int]:
    return [a - times * b for a, b in zip(first, second, strict=True)]


def _shortened(basis: list[list[int]]) -> list[list[int]]:
    """Pairwise reduction, until no vector gets shorter by a multiple of another."""
    improved = True
    while improved:
        improved = False
        for i, j in permutations(range(len(basis)), 2):
            times = round(Fraction(_dot(basis[i], basis[j]), _dot(basis[j], basis[j])))
            shorter = _minus(basis[i], basis[j], times)
            if times and _dot(shorter, shorter) < _dot(basis[i], basis[i]):
                basis[i] = shorter
                improved = True
    return basis


def _dot(first: list[int], second: list[int]) -> int:
    return sum(a * b for a, b in zip(first, second, strict=True))
