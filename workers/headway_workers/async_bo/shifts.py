"""Boxes moved against their function, so that no optimum sits at a centre or on a grid."""

from __future__ import annotations

import zlib

import numpy as np

from headway_workers.async_bo.functions import Array

LARGEST_SHIFT = 0.25
"""Of the box's width."""
MARGIN = 0.05
"""How near to the box's edge a shift may bring the minimiser, of its width."""


def generator(*keys: str | int) -> np.random.Generator:
    """A generator of its own for every sequence of keys."""
    words = [zlib.crc32(key.encode()) if isinstance(key, str) else key for key in keys]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))


def shifted(rng: np.random.Generator, low: Array, high: Array, best: Array) -> Array:
    """How far the box moves under the function, (d,): the minimiser stays MARGIN inside."""
    place = (best - low) / (high - low)
    nearest, furthest = place - (1 - MARGIN), place - MARGIN
    amount = rng.uniform(np.maximum(nearest, -LARGEST_SHIFT), np.minimum(furthest, LARGEST_SHIFT))
    return np.asarray(amount * (high - low))
