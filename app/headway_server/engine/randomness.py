"""Random numbers that depend on nothing but the study's seed, the trial's number and their purpose.

Philox is counter-based (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): the key is
(seed, number) and the purpose sits in the counter's highest word, so that streams never overlap and no
draw depends on which other draws were made before it.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

import numpy as np
from scipy.stats import qmc

from headway_server.engine.gp.kernel import Array


class Purpose(IntEnum):
    """What a stream is for. The values are part of what makes a study repeatable: never renumber."""

    STRATEGY = 1
    SEARCH = 2
    EXPLANATION = 3


def stream(seed: int, number: int, purpose: Purpose) -> np.random.Generator:
    """The generator of one purpose of one trial. `seed` and `number` are non-negative, below 2^64."""
    return np.random.Generator(np.random.Philox(key=[seed, number], counter=[0, 0, 0, int(purpose)]))


def sobol_point(seed: int, number: int, dimension: int) -> Array:
    """Point `number` (from 1) of the scrambled Sobol sequence of this seed: (dimension,) in [0, 1).

    Owen (1998), "Scrambling Sobol and Niederreiter-Xing points", by scipy's linear matrix scramble.
    """
    engine = _sobol(seed, dimension)
    if number > 1:
        engine.fast_forward(number - 1)
    return np.asarray(engine.random(1)[0], dtype=np.float64)


@lru_cache(maxsize=64)
def sobol_block(dimension: int, log2_count: int) -> Array:
    """2^log2_count points of the scrambled sequence, the same in every process: (count, dimension).

    To be shifted modulo 1 by one random vector (Cranley and Patterson 1976), which keeps it evenly
    spread at the price of one addition instead of a new scramble.
    """
    points = np.asarray(_sobol(0, dimension).random(2**log2_count), dtype=np.float64)
    points.setflags(write=False)
    return points


def _sobol(seed: int, dimension: int) -> qmc.Sobol:
    return qmc.Sobol(dimension, scramble=True, rng=seed)
