"""Maximise a smooth function over the unit box from many starts at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from headway_server.engine.kernel import Array

ValueAndGradient = Callable[[Array], tuple[Array, Array]]
"""(r, d) to values (r,) and gradients (r, d)."""

MEMORY = 6
ARMIJO = 1e-4
FIRST_STEP = 0.1
"""The first step moves no coordinate further than this."""


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
    limits: Limits | None = None,
    max_evaluations: int = 30,
    tolerance: float = 1e-5,
) -> tuple[Array, Array]:
    """Batched projected L-BFGS: where each start (r, d) led, and the values there (r,).

    Every evaluation serves all rows: a row whose trial step passes Armijo's test takes it and gets a new
    direction, a row whose step fails shortens it. A coordinate that sits on a bound with the gradient
    pointing outwards stays there (Bertsekas 1982, "Projected Newton methods"). Two-loop recursion:
    Nocedal and Wright 2006, algorithm 7.4; a pair without positive curvature is left out.

    Coordinates that are not `free`, (d,) or (r, d), keep their values, and with `limits` no row leaves
    them: directions slide along their boundary (Rosen 1960). Rows stop when a step gains less than
    `tolerance` relative to the batch's spread of values, twice in a row; no row's value ever falls.
    """
    best_x, best_f = starts.copy(), np.empty(len(starts))
    x = starts
    f, g = _negated(function, x, free)
    best_f[:] = -f
    rows = np.arange(len(starts))
    state = _Directions(x.shape, limits)
    p = state.steepest(x, g)
    step = FIRST_STEP / np.maximum(np.abs(p).max(axis=1), 1e-300)
    stalled = np.zeros(len(rows), dtype=np.intp)
    scale = max(float(np.ptp(f)), 1e-3 * float(np.abs(f).max()), 1e-12)

    for _ in range(max_evaluations - 1):
        stride = step[:, None] * p
        if limits is not None:
            stride = limits.shorten(x, stride)
        trial = np.clip(x + stride, 0.0, 1.0)
        s = trial - x
        f_new, g_new = _negated(function, trial, free)
        along = np.vecdot(g, s)
        gain = f - f_new
        accepted = gain >= -ARMIJO * along
        accepted &= along < 0.0
        stalled = np.where(
            accepted,
            np.where(gain < tolerance * scale, stalled + 1, 0),
            np.where(np.abs(s).max(axis=1) < 1e-7, 2, stalled),
        )
        take = accepted[:, None]
        state.push(np.where(take, s, 0.0), np.where(take, g_new - g, 0.0))
        x, f, g = np.where(take, trial, x), np.where(accepted, f_new, f), np.where(take, g_new, g)
        curvature = gain + along  # of the parabola through f, its slope and f_new; ≤ 0 where it is refused
        shorter = step * np.clip(0.5 * along / np.minimum(curvature, -1e-300), 0.1, 0.5)
        p = np.where(take, state.direction(x, g), p)
        step = np.where(accepted, 1.0, shorter)
        done = stalled >= 2
        done |= ~p.any(axis=1)
        if done.any():
            best_x[rows[done]], best_f[rows[done]] = x[done], -f[done]
            keep = ~done
            if not keep.any():
                return best_x, best_f
            rows, stalled, f, step = rows[keep], stalled[keep], f[keep], step[keep]
            x, g, p = x[keep], g[keep], p[keep]
            if free is not None and free.ndim == 2:
                free = free[keep]
            state.keep(keep)
    best_x[rows], best_f[rows] = x, -f
    return best_x, best_f


class _Directions:
    """The last few steps and gradient changes of each row, and the descent directions they give."""

    def __init__(self, shape: tuple[int, ...], limits: Limits | None = None) -> None:
        self._limits = limits
        self._pairs: list[tuple[Array, Array, Array]] = []
        self._gamma = np.ones(shape[0])
        self._seen = np.zeros(shape[0], dtype=bool)

    def push(self, s: Array, y: Array) -> None:
        """Remember steps and gradient changes (r, d); rows of zeros have no effect."""
        sy, yy = np.vecdot(s, y), np.vecdot(y, y)
        good = sy > 1e-10 * yy
        good &= yy > 0.0
        rho = np.where(good, 1.0 / np.where(good, sy, 1.0), 0.0)
        self._gamma = np.where(good, sy / np.where(good, yy, 1.0), self._gamma)
        self._seen |= good
        self._pairs.append((s, y, rho))
        del self._pairs[:-MEMORY]

    def steepest(self, x: Array, g: Array) -> Array:
        """Steepest descent (r, d) that does not leave the box or the limits."""
        p = _inward(x, g)
        return p if self._limits is None else self._limits.slide(x, p)

    def direction(self, x: Array, g: Array) -> Array:
        """Descent directions (r, d); steepest, of limited length, where nothing is known yet."""
        moving = _inward(x, g) != 0.0
        steepest = self.steepest(x, g)
        q = -steepest
        coefficients = []
        for s, y, rho in reversed(self._pairs):
            a = rho * np.vecdot(s, q)
            q = q - a[:, None] * y
            coefficients.append(a)
        q = q * self._gamma[:, None]
        for (s, y, rho), a in zip(self._pairs, reversed(coefficients), strict=True):
            q = q + (a - rho * np.vecdot(y, q))[:, None] * s
        p = np.where(moving, -q, 0.0)
        if self._limits is not None:
            p = self._limits.slide(x, p)
        uphill = np.vecdot(p, g) >= 0.0
        uphill |= ~self._seen
        length = FIRST_STEP / np.maximum(np.abs(steepest).max(axis=1), 1e-300)
        return np.where(uphill[:, None], length[:, None] * steepest, p)

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        """Forget the rows that are finished."""
        self._pairs = [(s[rows], y[rows], rho[rows]) for s, y, rho in self._pairs]
        self._gamma, self._seen = self._gamma[rows], self._seen[rows]


def _negated(function: ValueAndGradient, x: Array, free: npt.NDArray[np.bool_] | None) -> tuple[Array, Array]:
    value, gradient = function(x)
    if free is not None:
        gradient = np.where(free, gradient, 0.0)
    return -value, -gradient


def _inward(x: Array, g: Array) -> Array:
    """Steepest descent, zero where it would leave the box."""
    return np.where(((x <= 0.0) & (g > 0.0)) | ((x >= 1.0) & (g < 0.0)), 0.0, -g)
