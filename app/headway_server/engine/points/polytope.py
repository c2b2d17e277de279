"""The set that linear constraints leave, over the coordinates of rows.

Constraints are linear in the parameters' own units. A row's coordinate is linear in them too, except on a
log scale: *linear coordinates* are those of the row with logarithms undone, (value − low) / (high − low).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from headway.wire.base import Params
from headway.wire.space import Float, Int
from headway_server.domain.constraints import TOLERANCE
from headway_server.domain.parameters import Numeric, is_real, level_value, n_levels, warped_bounds
from headway_server.domain.space import SearchSpace
from headway_server.engine.gp.kernel import Array
from headway_server.engine.points.levels import Mask

TIGHT = 1e-9
"""A constraint with less slack than this, in units of its scale, is on the boundary."""


@dataclass(frozen=True)
class Scale:
    """value = offset + span × linear coordinate, per number that constraints bind: all (m,)."""

    offset: Array
    span: Array
    log: Mask
    warp_low: Array
    warp_high: Array
    """A row's coordinate on a log scale is (log value − warp_low) / (warp_high − warp_low)."""

    def linear(self, units: Array) -> Array:
        """Coordinates of rows to linear ones: (…, m)."""
        if not self.log.any():
            return units
        value = np.exp(self.warp_low + np.where(self.log, units, 0.0) * (self.warp_high - self.warp_low))
        return np.where(self.log, (value - self.offset) / self.span, units)

    def units(self, linear: Array) -> Array:
        """Linear coordinates to those of rows: (…, m)."""
        if not self.log.any():
            return linear
        value = np.where(self.log, np.maximum(self.values(linear), 1e-300), 1.0)
        warped = (np.log(value) - self.warp_low) / (self.warp_high - self.warp_low)
        return np.where(self.log, warped, linear)

    def values(self, linear: Array) -> Array:
        """Linear coordinates to the parameters' own units: (…, m)."""
        return np.asarray(self.offset + self.span * linear)

    def slope(self, linear: Array) -> Array:
        """d(row's coordinate) / d(linear coordinate): (…, m)."""
        value = np.where(self.log, np.maximum(self.values(linear), 1e-300), 1.0)
        return np.where(self.log, self.span / value / (self.warp_high - self.warp_low), 1.0)


@dataclass(frozen=True)
class Polytope:
    """A y ≤ b and E y = e over the m linear coordinates y of the numbers that constraints bind.

    Each row of A and E is divided by its constraint's scale.
    """

    parameters: tuple[Numeric, ...]
    columns: npt.NDArray[np.intp]
    """(m,): where their coordinates sit in a row."""
    scale: Scale
    discrete: Mask
    held: Mask
    low: Array
    high: Array
    """The bounds of y; a held number's are its value."""
    spacing: Array
    """From one level of a discrete number to the next, in y; 0 for a real one."""
    A: Array
    b: Array
    E: Array
    e: Array

    @classmethod
    def of(cls, space: SearchSpace, held: Params) -> Polytope:
        """The polytope of a space's constraints; `held` values are checked."""
        named = {name for constraint in space.constraints for name in constraint.coefficients}
        bound = [
            (p, b.start)
            for b in space.blocks
            if isinstance(p := b.parameter, Float | Int) and p.name in named
        ]
        parameters = tuple(parameter for parameter, _ in bound)
        scale = _scale(parameters)
        top = [p.high if is_real(p) else level_value(p, n_levels(p) - 1) for p in parameters]
        low = np.array([float(held.get(p.name, p.low)) for p in parameters])
        high = np.array([float(held.get(p.name, t)) for p, t in zip(parameters, top, strict=True)])
        step = np.array([0.0 if is_real(p) else float(p.step or 1) for p in parameters])
        rows: dict[bool, list[tuple[Array, float]]] = {False: [], True: []}
        for one in space.constraints:
            factors = np.array([one.coefficients.get(p.name, 0.0) for p in parameters])
            shift = float(factors @ scale.offset)
            row = factors * scale.span / one.scale
            if one.is_equality:
                rows[True].append((row, (one.upper - shift) / one.scale))
            elif np.isfinite(one.upper):
                rows[False].append((row, (one.upper - shift) / one.scale))
            else:
                rows[False].append((-row, (shift - one.lower) / one.scale))
        m = len(parameters)
        return cls(
            parameters,
            np.array([start for _, start in bound]),
            scale,
            step > 0.0,
            np.array([p.name in held for p in parameters]),
            (low - scale.offset) / scale.span,
            (high - scale.offset) / scale.span,
            step / scale.span,
            np.array([row for row, _ in rows[False]]).reshape(-1, m),
            np.array([bound for _, bound in rows[False]]),
            np.array([row for row, _ in rows[True]]).reshape(-1, m),
            np.array([bound for _, bound in rows[True]]),
        )

    @cached_property
    def movable(self) -> Mask:
        """(m,): what a climb may move: real numbers that are not held."""
        return ~(self.discrete | self.held)

    def contains(self, rows: Array) -> Mask:
        """Whether rows (r, d) satisfy the constraints; their discrete numbers are at their levels: (r,)."""
        return self.holds(self.scale.linear(rows[:, self.columns]))

    def holds(self, y: Array) -> Mask:
        """Whether linear coordinates (r, m) satisfy the constraints: (r,). Half the domain's tolerance,
        so that what holds here holds there, rounding included.
        """
        inside = (y @ self.A.T <= self.b + 0.5 * TOLERANCE).all(axis=1)
        inside &= (np.abs(y @ self.E.T - self.e) <= 0.5 * TOLERANCE).all(axis=1)
        return np.asarray(inside)

    def to_linear(self, rows: Array) -> Array:
        """Rows with their bound numbers' coordinates made linear: (r, d), a new array."""
        changed = rows.copy()
        changed[:, self.columns] = self.scale.linear(rows[:, self.columns])
        return changed

    def from_linear(self, rows: Array) -> Array:
        """The inverse of `to_linear`."""
        changed = rows.copy()
        changed[:, self.columns] = self.scale.units(rows[:, self.columns])
        return changed

    def slide(self, rows: Array, directions: Array) -> Array:
        """Directions (r, d) turned so that a step along them from linear rows (r, d) stays inside.

        They are projected onto the equalities' null space and, where they would leave, onto the
        boundaries that a row sits on (Rosen 1960, "The gradient projection method").
        """
        y = rows[:, self.columns]
        wanted = np.where(self.movable, directions[:, self.columns], 0.0)
        normals, n_equal = self._normals, len(self.E)
        below, above = y <= self.low + TIGHT, y >= self.high - TIGHT
        tight = self.b - y @ self.A.T <= TIGHT
        free = np.tile(self.movable, (len(y), 1))
        kept = np.tile(np.arange(len(normals)) < n_equal, (len(y), 1))
        turned = wanted
        for _ in range(len(self.movable) + len(normals)):
            turned = _within(wanted, normals, free, kept)
            reach = 1e-12 * np.abs(wanted).max(axis=1, initial=0.0)[:, None]
            stopped = free & ((below & (turned < -reach)) | (above & (turned > reach)))
            leaving = tight & ~kept[:, n_equal:] & (turned @ normals[n_equal:].T > reach)
            if not (stopped.any() or leaving.any()):
                break
            free &= ~stopped
            kept[:, n_equal:] |= leaving
        # What is left may be all rounding, or mostly: a climb gives directions a length of its own.
        left = np.abs(turned).max(axis=1, initial=0.0) > 1e-9 * np.abs(wanted).max(axis=1, initial=0.0)
        result = directions.copy()
        result[:, self.columns] = np.where(left[:, None], _within(turned, normals, free, kept), 0.0)
        return result

    def shorten(self, rows: Array, steps: Array) -> Array:
        """Steps (r, d) from linear rows (r, d) cut where they would leave, the whole row's alike."""
        y, s = rows[:, self.columns], steps[:, self.columns]
        slack = np.concatenate([self.b - y @ self.A.T, self.high - y, y - self.low], axis=1)
        slack = np.maximum(slack, 0.0)
        rate = np.concatenate([s @ self.A.T, s, -s], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(rate > 1e-14, slack / rate, np.inf)
        factor = np.minimum(room.min(axis=1, initial=np.inf), 1.0)
        return np.asarray(steps * factor[:, None])

    def pull(self, centres: Array, rows: Array) -> Array:
        """Valid rows on the way from valid centres (r, d) to rows (r, d) that may break constraints.

        A row that does keeps the centre's discrete numbers and goes as far as the constraints allow.
        """
        outside = np.flatnonzero(~self.contains(rows))
        if len(outside) == 0:
            return rows
        start, end = self.to_linear(centres[outside]), self.to_linear(rows[outside])
        step = np.zeros_like(start)
        step[:, self.columns] = (end - start)[:, self.columns]
        step = self.shorten(start, self.slide(start, step))
        end[:, self.columns] = (start + step)[:, self.columns]
        pulled = rows.copy()
        pulled[outside] = self.from_linear(end)
        pulled[outside[~self.contains(pulled[outside])]] = centres[outside[~self.contains(pulled[outside])]]
        return pulled

    @cached_property
    def _normals(self) -> Array:
        """(q + k, m): the normals of equalities and inequalities, of length 1 or 0 where nothing can move."""
        normals = np.concatenate([self.E, self.A]) * self.movable
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return np.where(length > 1e-12, normals / np.maximum(length, 1e-300), 0.0)


def _within(directions: Array, normals: Array, free: Mask, kept: Mask) -> Array:
    """Directions (r, m) in the `free` coordinates without their parts along the `kept` normals (r, s)."""
    within = np.where(free, directions, 0.0)
    if not kept.any():
        return within
    own = np.where(free[:, None, :] & kept[:, :, None], normals, 0.0)
    gram = own @ own.transpose(0, 2, 1)
    gram[:, range(len(normals)), range(len(normals))] += np.where(kept, 1e-14, 1.0)
    for _ in range(2):  # once more for what the first solution's rounding left
        along = np.linalg.solve(gram, (own @ within[:, :, None]))
        within = within - (along.transpose(0, 2, 1) @ own)[:, 0]
    return np.asarray(within)


def _scale(parameters: tuple[Numeric, ...]) -> Scale:
    offset, span, warps = [], [], []
    for p in parameters:
        if p.log or is_real(p):
            offset.append(float(p.low))
            span.append(float(p.high) - float(p.low))
        else:
            step = float(p.step or 1)
            offset.append(p.low - 0.5 * step)
            span.append(step * n_levels(p))
        warps.append(warped_bounds(p) if p.log else (0.0, 1.0))
    return Scale(
        np.array(offset),
        np.array(span),
        np.array([p.log for p in parameters]),
        np.array([low for low, _ in warps]),
        np.array([high for _, high in warps]),
    )
