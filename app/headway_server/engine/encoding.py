"""The search space as arrays: many points at once, consistent with the domain's one-point maps.

A *row* is a point in the model's unit cube (one coordinate per number or boolean, one per choice of a
categorical parameter). A *sample* has one uniform number per parameter.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import numpy.typing as npt

from headway.wire.base import Params
from headway.wire.space import Boolean, Categorical, Float, Int
from headway_server.domain.space import Block, SearchSpace
from headway_server.engine.kernel import Array


class Encoding:
    """Maps of one search space, over the rows of an array."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.width = space.dimension
        """Coordinates of a row."""
        self.n_parameters = len(space.parameters)
        self.parameter_of = np.repeat(np.arange(self.n_parameters), [b.width for b in space.blocks])
        """(width,): which parameter each coordinate belongs to."""
        self.continuous = np.array([isinstance(b.parameter, Float) for b in space.blocks])[self.parameter_of]
        """(width,): where gradient steps mean what they say."""
        self.categorical = np.array([isinstance(b.parameter, Categorical) for b in space.blocks])[
            self.parameter_of
        ]
        """(width,): one-hot coordinates."""
        self.all_continuous = bool(self.continuous.all())
        self._discrete = [b for b in space.blocks if not isinstance(b.parameter, Float)]
        self.size = math.prod(_levels(b) for b in space.blocks) if not self.continuous.any() else None
        """How many points the space has; None where it has a real-valued parameter."""

    def rows(self, points: list[Params]) -> Array:
        """Points to rows: (len(points), width)."""
        units = [self.space.to_unit(point) for point in points]
        return np.array(units, dtype=np.float64).reshape(len(points), self.width)

    def params(self, row: Array) -> Params:
        """The valid point nearest to one row: (width,)."""
        return self.space.from_unit(row.tolist())

    def snap(self, rows: Array) -> Array:
        """The nearest valid rows: (r, width) to (r, width), a new array."""
        snapped = np.asarray(np.clip(rows, 0.0, 1.0))
        for block in self._discrete:
            at = block.start
            match block.parameter:
                case Categorical():
                    _one_hot(snapped[:, at : at + block.width].argmax(axis=1), snapped, block)
                case Boolean():
                    snapped[:, at] = snapped[:, at] >= 0.5
                case Int():
                    snapped[:, at] = _snap_int(block.parameter, snapped[:, at])
                case Float():
                    raise AssertionError("a real number has nothing to snap to")
        return snapped

    def from_samples(self, samples: Array) -> Array:
        """Uniform samples to valid rows: (r, n_parameters) to (r, width)."""
        rows = np.asarray(samples[:, self.parameter_of])
        for block, u in zip(self.space.blocks, samples.T, strict=True):
            if isinstance(block.parameter, Categorical):
                _one_hot(np.minimum((u * block.width).astype(np.intp), block.width - 1), rows, block)
        return rows if self.all_continuous else self.snap(rows)

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

    def everything(self) -> Array:
        """Every point of a finite space: (size, width). For small spaces only."""
        levels = [[(i + 0.5) / _levels(b) for i in range(_levels(b))] for b in self.space.blocks]
        for block, values in zip(self.space.blocks, levels, strict=True):
            if isinstance(block.parameter, Int):
                low = block.parameter.low
                values[:] = [_unit_int(block.parameter, low + i) for i in range(len(values))]
        return self.from_samples(np.array(list(product(*levels))))

    def neighbours(self, row: Array, limit: int, rng: np.random.Generator) -> Array:
        """Valid rows that differ from a valid row in one discrete parameter: (≤ limit, width).

        Another choice, the other boolean, the next whole number up or down; a random subset where
        there are more than `limit`.
        """
        moves: list[tuple[Block, float]] = []
        for block in self._discrete:
            match block.parameter:
                case Categorical():
                    current = int(row[block.start : block.start + block.width].argmax())
                    moves.extend((block, float(i)) for i in range(block.width) if i != current)
                case Boolean():
                    moves.append((block, 1.0 - float(row[block.start])))
                case Int() as parameter:
                    value = _int_at(parameter, float(row[block.start]))
                    moves.extend(
                        (block, _unit_int(parameter, v))
                        for v in (value - 1, value + 1)
                        if parameter.low <= v <= parameter.high
                    )
                case Float():
                    raise AssertionError("a real number has no next one")
        if len(moves) > limit:
            moves = [moves[i] for i in np.sort(rng.choice(len(moves), limit, replace=False))]
        found = np.tile(row, (len(moves), 1))
        for i, (block, target) in enumerate(moves):
            if isinstance(block.parameter, Categorical):
                found[i, block.start : block.start + block.width] = 0.0
                found[i, block.start + int(target)] = 1.0
            else:
                found[i, block.start] = target
        return found


def _levels(block: Block) -> int:
    match block.parameter:
        case Categorical():
            return block.width
        case Boolean():
            return 2
        case Int(low=low, high=high):
            return high - low + 1
        case Float():
            raise AssertionError("a real number has no levels")


def _one_hot(chosen: npt.NDArray[np.intp], rows: Array, block: Block) -> None:
    rows[:, block.start : block.start + block.width] = 0.0
    rows[np.arange(len(rows)), block.start + chosen] = 1.0


def _bounds(parameter: Int) -> tuple[float, float]:
    low, high = parameter.low - 0.5, parameter.high + 0.5
    return (math.log(low), math.log(high)) if parameter.log else (low, high)


def _snap_int(parameter: Int, unit: Array) -> Array:
    low, high = _bounds(parameter)
    value = low + unit * (high - low)
    whole = np.clip(np.rint(np.exp(value) if parameter.log else value), parameter.low, parameter.high)
    return np.asarray(((np.log(whole) if parameter.log else whole) - low) / (high - low))


def _int_at(parameter: Int, unit: float) -> int:
    low, high = _bounds(parameter)
    value = low + unit * (high - low)
    return round(math.exp(value) if parameter.log else value)


def _unit_int(parameter: Int, value: int) -> float:
    low, high = _bounds(parameter)
    return ((math.log(value) if parameter.log else value) - low) / (high - low)
