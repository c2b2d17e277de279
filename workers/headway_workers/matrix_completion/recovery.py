"""Where recovery sets in: the share of random matrices that descent completes, by how often they are seen.

A matrix of rank r has r (d1 + d2 − r) degrees of freedom, so that fewer seen entries can't determine it.
Oversampling is the number of seen entries over that.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headway_workers.contract import Check
from headway_workers.matrix_completion.descent import descend, spectral_start
from headway_workers.matrix_completion.residuals import residuals
from headway_workers.matrix_completion.synthetic import Ensemble

RECOVERED = 1e-3
"""Relative error below which a matrix counts as recovered."""


D1, D2, STEPS = 200, 150, 1_000


def recovered(rank: int, oversampling: float, seed: int) -> bool:
    """Whether VGD completes one random matrix of 200 × 150 within 1,000 steps.

    Near the transition it creeps: at rank 10 and oversampling 1.5, a few of twelve matrices are there after
    1,100 to 1,500 steps, and none after 1,000.
    """
    p = oversampling * rank * (D1 + D2 - rank) / (D1 * D2)
    drawn = Ensemble(D1, D2, rank, p).draw(seed)
    start = spectral_start(drawn.observed, rank)
    for at in descend(residuals(drawn.observed), start, 0.5, STEPS):
        if at.diverged:
            return False
        if at.iteration % 25 == 0 and drawn.error(at.X, at.Y) < RECOVERED:
            return True
    return False


def success(rank: int, oversampling: float, trials: int) -> float:
    """The share of random matrices that are completed."""
    return float(np.mean([recovered(rank, oversampling, seed) for seed in range(trials)]))


def phase_transition(ranks: tuple[int, ...] = (5, 10), trials: int = 6) -> Iterator[Check]:
    """None at 1.5 times the degrees of freedom, all at 3 times, and never fewer with more entries."""
    for rank in ranks:
        shares = [success(rank, oversampling, trials) for oversampling in (1.5, 2.0, 2.5, 3.0)]
        yield Check(f"share recovered at oversampling 1.5, rank {rank}", 0.0, shares[0], 0.0)
        yield Check(f"share recovered at oversampling 2, rank {rank}", 0.5, shares[1], None)
        yield Check(f"share recovered at oversampling 3, rank {rank}", 1.0, shares[-1], 0.0)
        falls = float(-min(np.diff(shares).min(), 0.0))
        yield Check(f"largest fall of that share with more entries, rank {rank}", 0.0, falls, 0.0)
