"""Choose a point that nobody has: no two suggestions at one posterior are the same."""

from __future__ import annotations

import numpy as np

from headway_server.engine.gp.kernel import Array
from headway_server.engine.points.encoding import ENUMERABLE, Encoding

SAME = 1e-6
"""Points that differ by less than this in every coordinate of the unit cube are the same point."""
DRAWS = 512


class Taken:
    """Points in flight, given out or infeasible, (t, d), which must not be repeated while there is
    another; and observed ones, (n, d), which are avoided where a repeat would teach nothing.
    """

    def __init__(self, barred: Array, observed: Array) -> None:
        self._barred = barred
        self._observed = observed

    def is_free(self, row: Array, *, avoid_observed: bool) -> bool:
        """Whether a row (d,) may be given out."""
        if _holds(self._barred, row):
            return False
        return not (avoid_observed and _holds(self._observed, row))


def first_free(rows: Array, encoding: Encoding, taken: Taken, *, avoid_observed: bool) -> int | None:
    """Index of the first row, of (c, d) in order of preference, that is free; None where none is.

    Observed points are avoided if asked for, unless all rows that are not in flight were observed.
    """
    for avoid in (True, False) if avoid_observed else (False,):
        for i, row in enumerate(rows):
            # Judged as the point that it stands for: an interval may hold only a few floats.
            point = encoding.params(row)
            if encoding.space.holds(point) and taken.is_free(encoding.rows([point])[0], avoid_observed=avoid):
                return i
    return None


def another(encoding: Encoding, taken: Taken, rng: np.random.Generator, *, avoid_observed: bool) -> Array:
    """A random free row (d,); any row where the whole space is taken."""
    rows = encoding.random(DRAWS, rng)
    if encoding.size is not None and encoding.size <= ENUMERABLE:
        rows = rng.permutation(encoding.everything())
    place = first_free(rows, encoding, taken, avoid_observed=avoid_observed)
    return np.asarray(rows[place or 0])


def _holds(rows: Array, row: Array) -> bool:
    return len(rows) > 0 and bool((np.abs(rows - row).max(axis=1) < SAME).any())
