"""Maximise a smooth function over the unit box from many starts at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from headway_server.engine.gp.kernel import Array

ValueAndGradient = Callable[[Array], tuple[Array, Array]]
"""(r, d) to values (r,) and gradients (r, d)."""

ARMIJO = 1e-4
FIRST_STEP = 0.1
"""A step whose length nothing is known of moves no coordinate further than this."""
TOLERANCE = 1e-4
"""Against 1e-5, measured on acquisitions at 100 to 300 observations: two evaluations of eighteen fewer, and
on average 0.05 % of what the climb gained is left."""
DENSE_WIDTH = 200
"""Up to this many coordinates a row's inverse Hessian is a matrix: 6 rows then hold 2 MB."""


class Limits(Protocol):
    """A convex set within the box that a climb must not leave. Its starts lie in it."""

    def slide(self, rows: Array, directions: Array) -> Array:
        """Directions (r, d) turned so that a short step along them from rows (r, d) stays inside."""
        ...

    def shorten(self, rows: Array, steps: Array) -> Array:
        """Steps (r, d) from rows (r, d) cut so that they end inside."""
        ...


def maximise(
    function: ValueAndGradient,
    starts: Array,
    *,
    free: npt.NDArray[np.bool_] | None = None,
    scale: Array | None = None,
    limits: Limits | None = None,
    max_evaluations: int = 30,
    tolerance: float = TOLERANCE,
) -> tuple[Array, Array]:
    """Batched projected BFGS: where each start (r, d) led, and the values there (r,).

    Every evaluation serves all rows: a row whose trial step passes Armijo's test takes it and gets a new
    direction, a row whose step fails shortens it. A coordinate that sits on a bound with the gradient
    pointing outwards stays there (Bertsekas 1982, "Projected Newton methods").

    Coordinates that are not `free`, (d,) or (r, d), keep their values, and with `limits` no row leaves
    them: directions slide along their boundary (Rosen 1960). `scale` (d,) are the lengths over which the
    function changes: the first direction is the gradient in those units. Rows stop when a step gains
    less than `tolerance` relative to the batch's spread of values, twice in a row; no row's value ever
    falls.
    """
    best_x, best_f = starts.copy(), np.empty(len(starts))
    rows = np.arange(len(starts))
    x = starts
    f, g = _held(function(x), free)
    metric = np.ones(x.shape[1]) if scale is None else scale * scale
    hessian = (_Dense if len(metric) <= DENSE_WIDTH else _Scaled)(len(x), metric)
    p, rising = _direction(hessian, metric, x, g, limits)
    step: Array | None = None  # all ones
    stalled = np.zeros(len(rows), dtype=np.intp)
    little = tolerance * max(float(f.max() - f.min()), 1e-3 * float(np.abs(f).max()), 1e-12)

    for _ in range(max_evaluations - 1):
        stride = p if step is None else step[:, None] * p
        trial = x + (stride if limits is None else limits.shorten(x, stride))
        np.minimum(trial, 1.0, out=trial)
        np.maximum(trial, 0.0, out=trial)
        s = trial - x
        f_new, g_new = _held(function(trial), free)
        along = np.vecdot(g, s)
        gain = f_new - f
        accepted = gain >= ARMIJO * np.abs(along)
        if accepted.all():
            hessian.update(s, g - g_new)
            x, f, g, step = trial, f_new, g_new, None
            p, rising = _direction(hessian, metric, x, g, limits)
            stalled = (stalled + 1) * (gain < little)
        else:
            take = accepted[:, None]
            hessian.update(s * take, (g - g_new) * take)
            stalled = np.where(
                accepted,
                (stalled + 1) * (gain < little),
                np.where(np.abs(s).max(axis=1) < 1e-7, 2, stalled),
            )
            x, f, g = np.where(take, trial, x), np.where(accepted, f_new, f), np.where(take, g_new, g)
            # The highest point of the parabola through f, its slope and f_new, where it was refused.
            parabola = 0.5 * along / np.maximum(along - gain, 1e-300)
            shorter = np.minimum(np.maximum(parabola, 0.1), 0.5)
            onward, onward_rising = _direction(hessian, metric, x, g, limits)
            p, rising = np.where(take, onward, p), onward_rising | ~accepted
            step = np.where(accepted, 1.0, shorter if step is None else step * shorter)
        keep = (stalled < 2) & rising
        if not keep.all():
            done = ~keep
            best_x[rows[done]], best_f[rows[done]] = x[done], f[done]
            if not keep.any():
                return best_x, best_f
            rows, stalled, f = rows[keep], stalled[keep], f[keep]
            x, g, p = x[keep], g[keep], p[keep]
            step = None if step is None else step[keep]
            hessian.keep(keep)
            if free is not None and free.ndim == 2:
                free = free[keep]
    best_x[rows], best_f[rows] = x, f
    return best_x, best_f


class _Dense:
    """Each row's estimate of the inverse Hessian, (r, d, d), by BFGS (Nocedal and Wright 2006, eq. 6.17).

    A dense matrix, because a batched product costs two array operations where the two-loop recursion
    over six pairs costs thirty: at 100 observations those were a third of a suggestion.
    """

    def __init__(self, r: int, metric: Array) -> None:
        self._metric = metric
        self._inverse = np.tile(np.diag(metric), (r, 1, 1))
        self.unknown: npt.NDArray[np.bool_] | None = np.ones(r, dtype=bool)
        """(r,): the rows of which nothing has been learnt; None where there are none."""

    def update(self, s: Array, y: Array) -> None:
        """Learn from steps and falls of the gradient (r, d).

        A pair without negative curvature, or of zeros, is left out.
        """
        sy = np.vecdot(s, y)
        good = sy > 1e-10 * np.vecdot(y, y)
        if self.unknown is not None:
            fresh = good & self.unknown
            length = np.where(fresh, sy, 1.0) / np.where(fresh, np.vecdot(y * self._metric, y), 1.0)
            self._inverse *= length[:, None, None]
            self.unknown = _unless_none(self.unknown & ~good)
        rho = (good / np.where(good, sy, 1.0))[:, None]
        hy = np.matvec(self._inverse, y)
        w = rho * ((0.5 + 0.5 * rho * np.vecdot(y, hy)[:, None]) * s - hy)
        update = s[:, :, None] * w[:, None, :]
        self._inverse += update
        self._inverse += update.transpose(0, 2, 1)

    def times(self, v: Array) -> Array:
        """The inverse Hessians' products with (r, d)."""
        return np.asarray(np.matvec(self._inverse, v))

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        """Forget the rows that are finished."""
        self._inverse = self._inverse[rows]
        self.unknown = None if self.unknown is None else _unless_none(self.unknown[rows])


class _Scaled:
    """A multiple of the metric per row, from the last step (Barzilai and Borwein 1988): for wide spaces."""

    def __init__(self, r: int, metric: Array) -> None:
        self._metric = metric
        self._length = np.ones(r)
        self.unknown: npt.NDArray[np.bool_] | None = np.ones(r, dtype=bool)

    def update(self, s: Array, y: Array) -> None:
        """As `_Dense.update`."""
        sy = np.vecdot(s, y)
        good = sy > 1e-10 * np.vecdot(y, y)
        size = np.vecdot(y * self._metric, y)
        self._length = np.where(good, sy / np.where(good, size, 1.0), self._length)
        if self.unknown is not None:
            self.unknown = _unless_none(self.unknown & ~good)

    def times(self, v: Array) -> Array:
        """As `_Dense.times`."""
        return self._length[:, None] * self._metric * v

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        """As `_Dense.keep`."""
        self._length = self._length[rows]
        self.unknown = None if self.unknown is None else _unless_none(self.unknown[rows])


def _unless_none(rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    return rows if rows.any() else None


def _direction(
    hessian: _Dense | _Scaled, metric: Array, x: Array, g: Array, limits: Limits | None
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Directions of ascent (r, d), and which rows (r,) have one; steepest, of limited length, where nothing
    is known yet.
    """
    blocked = ((x <= 0.0) & (g < 0.0)) | ((x >= 1.0) & (g > 0.0))
    if blocked.any():
        g = np.where(blocked, 0.0, g)
        p = hessian.times(g)
        p[blocked] = 0.0
    else:
        p = hessian.times(g)
    if limits is not None:
        p = limits.slide(x, p)
    rising = np.vecdot(p, g) > 0.0
    doubtful = ~rising if hessian.unknown is None else ~rising | hessian.unknown
    if doubtful.any():
        # Projected, only the plain gradient is certain to lead upwards.
        steepest = g[doubtful] * metric if limits is None else limits.slide(x[doubtful], g[doubtful])
        longest = np.maximum(np.abs(steepest).max(axis=1), 1e-300)
        p[doubtful] = (FIRST_STEP / longest)[:, None] * steepest
        rising = p.any(axis=1)
    return p, rising


def _held(found: tuple[Array, Array], free: npt.NDArray[np.bool_] | None) -> tuple[Array, Array]:
    """The function's values and gradients, of which those that are not free are zero."""
    value, gradient = found
    return value, gradient if free is None else np.where(free, gradient, 0.0)
