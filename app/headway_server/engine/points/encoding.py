"""The search space as arrays: many points at once, consistent with the domain's one-point maps.

A *row* is a point in the model's unit cube (one coordinate per number or boolean, one per choice of a
categorical parameter). A *sample* has one uniform number per parameter.

A row is *valid* where it stands for a point of the space: discrete parameters at their levels, held ones
at their values, inactive ones at the imputed value, and the constraints satisfied. `snap` gives valid
rows, `from_samples` gives rows that are valid but for the constraints, which `feasible` then mends.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

from headway.wire.base import Params
from headway.wire.space import Categorical
from headway_server.domain.feasibility import nearest
from headway_server.domain.parameters import is_real, level_of, n_levels
from headway_server.domain.shares import shares
from headway_server.domain.space import Block, SearchSpace
from headway_server.engine.gp.kernel import Array
from headway_server.engine.points.hit_and_run import FeasibleSampler
from headway_server.engine.points.levels import (
    Mask,
    block_levels,
    levels_at,
    near_levels,
    put_choices,
    put_levels,
    units_of,
)
from headway_server.engine.points.polytope import Polytope

ENUMERABLE = 10_000
"""Constrained finite spaces are counted, and searched whole for a free point, up to this many points."""


class Encoding:
    """Maps of one search space, over the rows of an array.

    Args:
        space: the space.
        held: checked values that every row has (see `domain.held`).
    """

    def __init__(self, space: SearchSpace, held: Params | None = None) -> None:
        self.space = space
        self.held = held or {}
        self.width = space.dimension
        """Coordinates of a row."""
        self.n_parameters = len(space.parameters)
        self.parameter_of = np.repeat(np.arange(self.n_parameters), [b.width for b in space.blocks])
        """(width,): which parameter each coordinate belongs to."""
        real = np.array([is_real(b.parameter) for b in space.blocks])
        self._held = np.array([b.parameter.name in self.held for b in space.blocks])
        self.continuous = (real & ~self._held)[self.parameter_of]
        """(width,): where gradient steps mean what they say."""
        self.categorical = np.array([isinstance(b.parameter, Categorical) for b in space.blocks])[
            self.parameter_of
        ]
        """(width,): one-hot coordinates."""
        self.all_continuous = bool(real.all())
        self._discrete = [b for b in space.blocks if not is_real(b.parameter)]
        self._place = {b.parameter.name: i for i, b in enumerate(space.blocks)}
        self._imputed = np.concatenate([np.full(b.width, b.imputed) for b in space.blocks])
        self._held_row = np.array(space.to_unit(self.held)) if self.held else self._imputed
        self.polytope = Polytope.of(space, self.held) if space.constraints else None
        """The constraints; None where there are none."""

    @cached_property
    def size(self) -> int | None:
        """How many points the space has; None where it has a real-valued parameter that is not held, or
        constraints and too many points to count.
        """
        if self.continuous.any():
            return None
        counts = {b.parameter.name: self._count(b) for b in self.space.blocks}
        for child in reversed(self.space.conditional):  # children are counted with their parents
            if child.when is not None:
                del counts[child.name]
        count = math.prod(counts.values())
        if self.polytope is None:
            return count
        return len(self.everything()) if count <= ENUMERABLE else None

    def rows(self, points: list[Params]) -> Array:
        """Points to rows: (len(points), width)."""
        units = [self.space.to_unit(point) for point in points]
        return np.array(units, dtype=np.float64).reshape(len(points), self.width)

    def params(self, row: Array) -> Params:
        """The point that a valid row stands for, or one near any other: (width,)."""
        point = self.space.from_unit(row.tolist())
        return {**point, **self.held} if self.held else point

    def snap(self, rows: Array) -> Array:
        """The nearest valid rows: (r, width) to (r, width), a new array.

        Rows that break constraints once their discrete parameters are at their levels cost an integer
        program each.
        """
        snapped = self._on_levels(np.asarray(np.clip(rows, 0.0, 1.0)))
        if self.polytope is not None:
            for i in np.flatnonzero(~self.polytope.contains(snapped)):
                snapped[i] = self._mended(snapped[i])
        return snapped

    def from_samples(self, samples: Array) -> Array:
        """Uniform samples to rows that are valid but for constraints: (r, n_parameters) to (r, width)."""
        rows = np.asarray(samples[:, self.parameter_of])
        for block, u in zip(self.space.blocks, samples.T, strict=True):
            if isinstance(block.parameter, Categorical):
                put_choices(np.minimum((u * block.width).astype(np.intp), block.width - 1), rows, block)
        return rows if self.all_continuous and not self.held else self._on_levels(np.clip(rows, 0.0, 1.0))

    def to_samples(self, rows: Array) -> Array:
        """Valid rows to samples that map back to them: (r, width) to (r, n_parameters)."""
        samples = np.empty((len(rows), self.n_parameters))
        for j, block in enumerate(self.space.blocks):
            if isinstance(block.parameter, Categorical):
                chosen = rows[:, block.start : block.start + block.width].argmax(axis=1)
                samples[:, j] = (chosen + 0.5) / block.width
            else:
                samples[:, j] = rows[:, block.start]
        return samples

    def random(self, count: int, rng: np.random.Generator) -> Array:
        """Valid rows, uniform in the sampler's encoding: (count, width)."""
        return self.feasible(self.from_samples(rng.random((count, self.n_parameters))), rng)

    def feasible(self, rows: Array, rng: np.random.Generator) -> Array:
        """Rows of uniform samples, valid but for constraints, made to satisfy them: (r, width).

        A simplex that nothing else binds has its uniform numbers made shares. Where a row still does not, the
        other numbers that constraints bind are drawn anew, uniformly over what satisfies them.
        """
        if self.polytope is None:
            return rows
        outside = np.flatnonzero(~self.polytope.contains(rows))
        if len(outside) == 0:
            return rows
        rows = rows.copy()
        for columns, whole in self._simplexes:
            drawn = shares(list(rows[np.ix_(outside, columns)].T), whole)
            rows[np.ix_(outside, columns)] = np.stack(drawn, axis=1)
        outside = outside[~self.polytope.contains(rows[outside])]
        if len(outside) > 0:
            made = [columns for columns, _ in self._simplexes]
            others = ~np.isin(self.polytope.columns, np.concatenate(made) if made else [])
            anew = self._sampler.draw(len(outside), rng)[:, others]
            rows[np.ix_(outside, self.polytope.columns[others])] = anew
        return rows

    @cached_property
    def _simplexes(self) -> list[tuple[npt.NDArray[np.intp], float]]:
        """Of each simplex that nothing else binds: the columns of what is not held of it, and their sum."""
        found = []
        for simplex in self.space.separate_simplexes:
            free = [name for name in simplex.components if name not in self.held]
            taken = math.fsum(float(self.held[name]) for name in simplex.components if name in self.held)
            if free:
                columns = np.array([self.space.blocks[self._place[name]].start for name in free])
                found.append((columns, max(1.0 - taken, 0.0)))
        return found

    def free(self, rows: Array) -> Mask | None:
        """(r, width): which coordinates a climb from valid rows may move; None where it may move all.

        Not what is held or inactive; nor discrete numbers in constraints, whose rounding could break them.
        """
        if not (self.held or self.space.conditional or self.polytope is not None):
            return None
        free = np.tile(~self._held[self.parameter_of], (len(rows), 1))
        if self.space.conditional:
            free &= self.active(rows)[:, self.parameter_of]
        if self.polytope is not None:
            free[:, self.polytope.columns[~self.polytope.movable]] = False
        return free

    def active(self, rows: Array) -> Mask:
        """(r, n_parameters): which parameters are active in each row."""
        active = np.ones((len(rows), self.n_parameters), dtype=bool)
        for child in self.space.conditional:
            when = child.when
            if when is None:
                raise AssertionError(f"{child.name} is always active")
            place = self._place[when.parent]
            block = self.space.blocks[place]
            wanted = [level_of(block.parameter, value) for value in when.equals]
            active[:, self._place[child.name]] = active[:, place] & np.isin(block_levels(block, rows), wanted)
        return active

    def everything(self) -> Array:
        """Every point of a finite space: (size, width). For small spaces only."""
        rows = self._on_levels(np.tile(self._imputed, (1, 1)))
        order = [p for p in self.space.parameters if p.when is None]
        for parameter in [*order, *self.space.conditional]:
            place = self._place[parameter.name]
            block = self.space.blocks[place]
            if self._held[place]:
                continue
            branching = self.active(rows)[:, place]
            count = n_levels(parameter)
            repeats = np.where(branching, count, 1)
            starts = np.repeat(np.cumsum(repeats) - repeats, repeats)
            levels = np.arange(repeats.sum()) - starts
            rows, branching = np.repeat(rows, repeats, axis=0), np.repeat(branching, repeats)
            put_levels(levels[branching], rows, block, branching)
        rows = self._on_levels(rows)
        return rows if self.polytope is None else rows[self.polytope.contains(rows)]

    def neighbours(self, row: Array, limit: int, rng: np.random.Generator) -> Array:
        """Valid rows that differ from a valid row in one discrete parameter: (≤ limit, width).

        Another choice, the other boolean, the next level up or down; a random subset where there are more
        than `limit`. What such a change makes active starts in the middle of its range. Numbers that
        constraints bind move as the constraints let them: by one level and by ever longer jumps, several
        at once where an equality demands it.
        """
        moves: list[tuple[Block, int]] = []
        active = self.active(row[None])[0]
        bound = set() if self.polytope is None else set(self.polytope.columns.tolist())
        for block in self._discrete:
            place = self._place[block.parameter.name]
            if not active[place] or self._held[place] or block.start in bound:
                continue
            current = int(block_levels(block, row[None])[0])
            if isinstance(block.parameter, Categorical):
                moves.extend((block, i) for i in range(block.width) if i != current)
            else:
                moves.extend((block, i) for i in near_levels(block.parameter, current))
        jumps = np.empty((0, self.width))
        if self.polytope is not None:
            jumps = np.repeat(row[None], len(steps := self._sampler.jumps(row)), axis=0)
            jumps[:, self.polytope.columns] = steps
        total = len(moves) + len(jumps)
        chosen = np.arange(total)
        if total > limit:
            chosen = np.sort(rng.choice(total, limit, replace=False))
        found = np.tile(row, (len(chosen), 1))
        for i, k in enumerate(chosen):
            if k < len(moves):
                block, level = moves[k]
                put_levels(np.array([level]), found, block, np.arange(len(found)) == i)
            else:
                found[i] = jumps[k - len(moves)]
        return self._on_levels(found) if total else found

    @cached_property
    def _sampler(self) -> FeasibleSampler:
        if self.polytope is None:
            raise AssertionError("a space without constraints needs no feasible sampler")
        return FeasibleSampler(self.space, self.held, self.polytope)

    def _on_levels(self, rows: Array) -> Array:
        """Discrete parameters to their nearest levels, held ones to their values, inactive ones to the
        imputed value: (r, width) in [0, 1], overwritten.
        """
        for block in self._discrete:
            if isinstance(block.parameter, Categorical):
                put_choices(rows[:, block.start : block.start + block.width].argmax(axis=1), rows, block)
            else:
                rows[:, block.start] = units_of(
                    block.parameter, levels_at(block.parameter, rows[:, block.start])
                )
        if self.held:
            held = self._held[self.parameter_of]
            rows[:, held] = self._held_row[held]
        if self.space.conditional:
            rows = np.asarray(np.where(self.active(rows)[:, self.parameter_of], rows, self._imputed))
        return rows

    def _mended(self, row: Array) -> Array:
        """The row with the numbers that constraints bind moved to the nearest that satisfy them: (width,)."""
        point = self.space.from_unit(row.tolist())
        target = {name: float(point[name]) for one in self.space.constraints for name in one.coefficients}
        found = nearest(self.space, target, self.held)
        if found is None:
            raise AssertionError("no point satisfies constraints that were checked")
        return np.asarray(self.rows([{**point, **found}])[0])

    def _count(self, block: Block) -> int:
        """Distinct points of the parameter, active, together with those that depend on it."""
        parameter = block.parameter
        if is_real(parameter):  # held, or there is nothing to count
            return 1
        branches = [
            (
                self._count(self.space.blocks[self._place[c.name]]),
                {level_of(parameter, v) for v in c.when.equals},
            )
            for c in self.space.conditional
            if c.when is not None and c.when.parent == parameter.name
        ]
        special = {level for _, levels in branches for level in levels}
        if parameter.name in self.held:
            special = {level_of(parameter, self.held[parameter.name])}
        counts = [math.prod(n for n, levels in branches if level in levels) for level in special]
        return sum(counts) + (0 if parameter.name in self.held else n_levels(parameter) - len(special))
