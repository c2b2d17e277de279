"""Discrete parameters over arrays: from coordinates of the unit interval to levels and back.

The same maps as `domain.parameters`, many at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headway.wire.space import Boolean, Categorical, Int, Parameter
from headway_server.domain.parameters import n_levels, warped_bounds
from headway_server.domain.space import Block
from headway_server.engine.gp.kernel import Array

Levels = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


def levels_at(parameter: Parameter, unit: Array) -> Levels:
    """The level that owns each coordinate in [0, 1], any shape; not for categorical blocks."""
    match parameter:
        case Boolean():
            return (unit >= 0.5).astype(np.intp)
        case Int(low=low, high=high, step=None):
            start, end = warped_bounds(parameter)
            value = start + unit * (end - start)
            whole = np.rint(np.exp(value) if parameter.log else value)
            return (np.clip(whole, low, high) - low).astype(np.intp)
        case _:
            count = n_levels(parameter)
            return np.minimum((unit * count).astype(np.intp), count - 1)


def units_of(parameter: Parameter, levels: Levels) -> Array:
    """The coordinate of each level, in the middle of what it owns, any shape; not for categorical blocks."""
    match parameter:
        case Boolean():
            return levels.astype(np.float64)
        case Int(low=low, step=None):
            start, end = warped_bounds(parameter)
            value = (levels + low).astype(np.float64)
            return np.asarray(((np.log(value) if parameter.log else value) - start) / (end - start))
        case _:
            return np.asarray((levels + 0.5) / n_levels(parameter))


def near_levels(parameter: Parameter, level: int) -> list[int]:
    """The next levels down and up, where there are any."""
    top = n_levels(parameter) - 1
    return [one for one in (level - 1, level + 1) if 0 <= one <= top]


def block_levels(block: Block, rows: Array) -> Levels:
    """The level of a discrete parameter in each row: (r,)."""
    if isinstance(block.parameter, Categorical):
        return np.asarray(rows[:, block.start : block.start + block.width].argmax(axis=1))
    return levels_at(block.parameter, rows[:, block.start])


def put_levels(levels: Levels, rows: Array, block: Block, where: Mask) -> None:
    """Give some rows these levels of a discrete parameter, in place."""
    if isinstance(block.parameter, Categorical):
        rows[where, block.start : block.start + block.width] = np.eye(block.width)[levels]
    else:
        rows[where, block.start] = units_of(block.parameter, levels)


def put_choices(chosen: Levels, rows: Array, block: Block) -> None:
    """Give every row its choice of a categorical parameter, one-hot, in place."""
    rows[:, block.start : block.start + block.width] = 0.0
    rows[np.arange(len(rows)), block.start + chosen] = 1.0
