"""Random numbers that satisfy linear constraints, uniform in the sampler's encoding.

Where a fair part of the box satisfies them, by rejection: draw in the box, keep what holds. Otherwise by
many Markov chains at once, which start from a pool of points that has been mixed well. Their moves, each
of which leaves the uniform distribution as it is:

* one number that no equality binds is drawn anew in the interval that all others leave it (Gibbs);
* real numbers move along a random direction of the equalities' null space (hit-and-run: Smith 1984,
  "Efficient Monte Carlo procedures for generating points uniformly distributed over bounded regions");
* whole numbers that equalities bind move along a vector of the equalities' integer kernel, and real ones
  make up for it.

The last two draw uniformly in the numbers' own units; where a number is on a log scale, Metropolis' rule
corrects that.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from headway.wire.base import Params
from headway_server.domain.feasibility import nearest
from headway_server.domain.space import SearchSpace
from headway_server.engine.gp.kernel import Array
from headway_server.engine.points.lattice import eliminated, kernel
from headway_server.engine.points.levels import levels_at, units_of
from headway_server.engine.points.polytope import Polytope

PROBES = 4096
"""Points of the box that say which part of it satisfies the constraints."""
FAIR_PART = 1 / 64
POOL = 256
SEEDS = 8
"""Starts of the pool that an integer program finds, near random points of the box."""
MIXING = 40
"""Moves of each chain before it counts, a number of the constraints."""
LONGEST_JUMP = 2**20

Move = Callable[[Array, np.random.Generator], Array]
"""Points (c, m) in linear coordinates to new ones."""


class FeasibleSampler:
    """Draws the numbers that a space's constraints bind. Depends on nothing but the space and `held`."""

    def __init__(self, space: SearchSpace, held: Params, polytope: Polytope) -> None:
        self._space, self._held, self._polytope = space, held, polytope
        self._stays = polytope.held | (polytope.high <= polytope.low)
        self._single = np.flatnonzero(~self._stays & ~polytope.E.any(axis=0))
        eye = np.eye(len(polytope.parameters))
        self._normals = np.concatenate([polytope.A, eye, -eye])
        self._limits = np.concatenate([polytope.b, polytope.high, -polytope.low])
        self._moves: list[Move] = []
        if len(self._single):
            self._moves.append(self._redraw_one)
        if len(self._directions):
            self._moves.append(self._hit_and_run)
        if len(self._lattice):
            self._moves.append(self._walk)

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Coordinates of rows that satisfy the constraints: (count, m)."""
        if self._part >= FAIR_PART:
            found = np.empty((0, len(self._stays)))
            for _ in range(8):
                found = np.concatenate([found, self._rejected(int(1.5 * count / self._part) + 64, rng)])
                if len(found) >= count:
                    return self._polytope.scale.units(found[:count])
        return self._polytope.scale.units(self.chains(count, rng))

    def chains(self, count: int, rng: np.random.Generator) -> Array:
        """Linear coordinates by Markov chains from the pool: (count, m)."""
        y = self._pool[rng.integers(len(self._pool), size=count)]
        return self._mixed(y, 8 + y.shape[1] // 2, rng)

    def jumps(self, row: Array) -> Array:
        """From a valid row (d,): where its discrete numbers can go, one by one or as an equality demands,
        by 1, 2, 4, … levels: coordinates of rows (j, m).
        """
        polytope = self._polytope
        y = polytope.scale.linear(row[polytope.columns])
        units = np.eye(len(y))[[j for j in self._single if polytope.discrete[j]]] * polytope.spacing
        vectors = np.concatenate([units, self._lattice])
        found = [np.empty((0, len(y)))]
        for sign in (1.0, -1.0):
            _, high = self._room(y[None], sign * vectors)
            for j, vector in enumerate(vectors):
                length = 1
                while length <= min(high[j] + 1e-9, LONGEST_JUMP):
                    found.append((y + sign * length * vector)[None])
                    length *= 2
        jumped = np.concatenate(found)
        jumped = self._tidy(jumped)
        return polytope.scale.units(jumped[polytope.holds(jumped)])

    @cached_property
    def _part(self) -> float:
        """Which part of the box satisfies the constraints, about."""
        rng = np.random.Generator(np.random.Philox(key=[0, 0]))
        return len(self._rejected(PROBES, rng)) / PROBES

    def _box(self, count: int, rng: np.random.Generator) -> Array:
        """Uniform in the sampler's encoding, whatever the constraints: linear coordinates (count, m)."""
        polytope = self._polytope
        units = rng.random((count, len(self._stays)))
        for j, parameter in enumerate(polytope.parameters):
            if polytope.discrete[j]:
                units[:, j] = units_of(parameter, levels_at(parameter, units[:, j]))
        return np.where(self._stays, polytope.low, polytope.scale.linear(units))

    def _rejected(self, count: int, rng: np.random.Generator) -> Array:
        y = self._box(count, rng)
        return y[self._polytope.holds(y)]

    @cached_property
    def _pool(self) -> Array:
        """Well mixed points: (POOL, m)."""
        rng = np.random.Generator(np.random.Philox(key=[0, 1]))
        starts = [self._rejected(PROBES, rng)]
        for y in self._box(SEEDS, rng):
            values = self._polytope.scale.values(y)
            names = [parameter.name for parameter in self._polytope.parameters]
            found = nearest(self._space, dict(zip(names, values.tolist(), strict=True)), self._held)
            if found is None:
                raise AssertionError("no point satisfies constraints that were checked")
            value = np.array([float(found[name]) for name in names])
            starts.append(((value - self._polytope.scale.offset) / self._polytope.scale.span)[None])
        seeds = np.concatenate(starts)
        seeds = seeds[self._polytope.holds(seeds)]
        return self._mixed(np.resize(seeds, (POOL, seeds.shape[1])), MIXING * seeds.shape[1], rng)

    def _mixed(self, y: Array, moves: int, rng: np.random.Generator) -> Array:
        start = y
        for k in range(moves):
            if self._moves:
                y = self._moves[k % len(self._moves)](y, rng)
        y = self._tidy(y)
        return np.where(self._polytope.holds(y)[:, None], y, start)

    def _redraw_one(self, y: Array, rng: np.random.Generator) -> Array:
        """Gibbs: one number of each chain, uniform on its own scale between the bounds that others leave."""
        polytope, scale = self._polytope, self._polytope.scale
        chain = np.arange(len(y))
        j = self._single[rng.integers(len(self._single), size=len(y))]
        low, high = self._room(y, np.eye(y.shape[1])[j])
        low, high = y[chain, j] + low, y[chain, j] + high
        spacing, whole = polytope.spacing[j], polytope.discrete[j]
        spaced = np.where(whole, spacing, 1.0)
        first = np.ceil((low - polytope.low[j]) / spaced - 1e-9)
        last = np.floor((high - polytope.low[j]) / spaced + 1e-9)
        # A level owns half a spacing on either side.
        low = np.where(whole, polytope.low[j] + (first - 0.5) * spacing, low)
        high = np.where(whole, polytope.low[j] + (last + 0.5) * spacing, high)
        u = rng.random(len(y))
        drawn = low + u * (high - low)
        if scale.log.any():
            value_low = np.where(scale.log[j], scale.offset[j] + scale.span[j] * low, 1.0)
            value_high = np.where(scale.log[j], scale.offset[j] + scale.span[j] * high, 1.0)
            value = value_low * (value_high / value_low) ** u
            drawn = np.where(scale.log[j], (value - scale.offset[j]) / scale.span[j], drawn)
        level = np.clip(np.rint((drawn - polytope.low[j]) / spaced), first, np.maximum(last, first))
        moved = y.copy()
        moved[chain, j] = np.where(whole, polytope.low[j] + level * spacing, drawn)
        return moved

    def _hit_and_run(self, y: Array, rng: np.random.Generator) -> Array:
        """A uniform point of the chord along a random direction."""
        direction = rng.standard_normal((len(y), len(self._directions))) @ self._directions
        low, high = self._room(y, direction)
        return self._accepted(y, y + (low + rng.random(len(y)) * (high - low))[:, None] * direction, rng)

    def _walk(self, y: Array, rng: np.random.Generator) -> Array:
        """A uniform number of steps along a vector of the integer kernel."""
        direction = self._lattice[rng.integers(len(self._lattice), size=len(y))]
        low, high = self._room(y, direction)
        first, last = np.ceil(low - 1e-9), np.floor(high + 1e-9)
        steps = first + np.floor(rng.random(len(y)) * (last - first + 1.0))
        return self._accepted(y, y + np.clip(steps, first, last)[:, None] * direction, rng)

    def _accepted(self, y: Array, moved: Array, rng: np.random.Generator) -> Array:
        """Metropolis: on a log scale, uniform means a density of 1/value; for a whole number, its share."""
        if not self._polytope.scale.log.any():
            return moved
        gain = self._log_density(moved) - self._log_density(y)
        return np.where((np.log(1.0 - rng.random(len(y))) < gain)[:, None], moved, y)

    def _log_density(self, y: Array) -> Array:
        polytope, log = self._polytope, self._polytope.scale.log
        value = np.where(log, np.maximum(polytope.scale.values(y), 1e-300), 1.0)
        whole = log & polytope.discrete
        share = np.log(np.log1p(np.where(whole, 1.0 / (np.maximum(value, 1.0) - 0.5), 1.0)))
        return np.asarray(np.where(whole, share, np.where(log, -np.log(value), 0.0)).sum(axis=1))

    def _room(self, y: Array, direction: Array) -> tuple[Array, Array]:
        """From which to which multiple of a direction (c, m) points (1 or c, m) stay inside: (c,), (c,)."""
        slack = np.maximum(self._limits - y @ self._normals.T, 0.0)
        rate = direction @ self._normals.T
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = slack / np.abs(rate)
        still = np.abs(rate) <= 1e-13
        high = np.where(still | (rate < 0.0), np.inf, reach).min(axis=1)
        low = -np.where(still | (rate > 0.0), np.inf, reach).min(axis=1)
        return np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)

    @cached_property
    def _directions(self) -> Array:
        """(f, m): a basis of the real moves that keep the equalities. A number on a log scale that no
        equality binds is left to Gibbs' rule, which knows its scale.
        """
        polytope = self._polytope
        single = np.isin(np.arange(len(self._stays)), self._single)
        real = ~polytope.discrete & ~self._stays & ~(single & polytope.scale.log)
        _, sizes, basis = np.linalg.svd(polytope.E[:, real])
        rank = int((sizes > 1e-12 * max(1e-300, sizes.max(initial=0.0))).sum())
        found = np.zeros((len(basis) - rank, len(real)))
        found[:, real] = basis[rank:]
        return found

    @cached_property
    def _lattice(self) -> Array:
        """(l, m): moves of discrete numbers that equalities bind, in linear coordinates, with what real
        ones must do.
        """
        polytope = self._polytope
        bound = polytope.E.any(axis=0) & ~self._stays
        whole = np.flatnonzero(bound & polytope.discrete)
        real = np.flatnonzero(bound & ~polytope.discrete)
        if len(whole) == 0:
            return np.empty((0, len(bound)))
        equalities = [one for one in self._space.constraints if one.is_equality]

        def exact(columns: npt.NDArray[np.intp]) -> list[list[Fraction]]:
            chosen = [polytope.parameters[j] for j in columns]
            return [
                [
                    Fraction(repr(one.coefficients.get(p.name, 0.0))) * Fraction(repr(p.step or 1))
                    for p in chosen
                ]
                for one in equalities
            ]

        basis = kernel(eliminated(exact(real), exact(whole)), len(whole))
        pairs = (
            [
                [a + s * b for a, b in zip(basis[i], basis[j], strict=True)]
                for i in range(len(basis))
                for j in range(i)
                for s in (1, -1)
            ]
            if len(basis) <= 12
            else []
        )
        moves = np.zeros((len(basis) + len(pairs), len(bound)))
        if len(moves):
            moves[:, whole] = np.array(basis + pairs, dtype=np.float64) * polytope.spacing[whole]
        if len(real):
            moves[:, real] = -(moves @ polytope.E.T) @ np.linalg.pinv(polytope.E[:, real]).T
        return moves

    def _tidy(self, y: Array) -> Array:
        """Discrete numbers exactly at their levels, and real ones exactly on the equalities."""
        polytope = self._polytope
        spaced = np.where(polytope.discrete, polytope.spacing, 1.0)
        levels = np.rint((y - polytope.low) / spaced)
        y = np.where(
            polytope.discrete, polytope.low + levels * spaced, np.clip(y, polytope.low, polytope.high)
        )
        if len(polytope.E):
            real = ~polytope.discrete & ~self._stays
            y[:, real] += (polytope.e - y @ polytope.E.T) @ np.linalg.pinv(polytope.E[:, real]).T
            y = np.clip(y, polytope.low, polytope.high)
        return y
