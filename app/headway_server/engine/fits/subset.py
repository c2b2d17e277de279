"""Which observations hyperparameters are fitted to, where all of them would take too long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headway_server.engine.gp.kernel import Array

FIT_TO_ALL_UNTIL = 3000
"""Up to this many observations a fit sees all of them: a warm one factorises their matrix a dozen
times and more."""
ON_DEVICE_UNTIL = 10_000
"""As `FIT_TO_ALL_UNTIL`, on a device: autograd holds some ten arrays of n × n, 8 GB at 10,000. Where they
don't fit, the fit is made on the host. A cold fit to 10,000 took 7 s on an H200."""
SUBSET = 1500
"""How many it sees beyond that."""


def chosen(rows: Array, utilities: Array, all_until: int, size: int) -> npt.NDArray[np.intp]:
    """Indices, ascending, of the observations to fit: all up to `all_until`, or `size` of (n, d), (n,).

    A sixth are the best, where the lengthscales matter most for what comes next; a sixth the newest, which
    tell whether they have changed; the others cover the space: each is the point farthest from all taken
    before it (Gonzalez 1985, greedy k-centre).
    """
    n = len(rows)
    if n <= all_until:
        return np.arange(n)
    share = size // 6
    taken = np.zeros(n, dtype=bool)
    taken[np.argsort(-utilities, kind="stable")[:share]] = True
    taken[-share:] = True
    nearest = np.full(n, np.inf)
    for start in np.flatnonzero(taken):
        np.minimum(nearest, _squared(rows, rows[start]), out=nearest)
    for _ in range(size - int(taken.sum())):
        nearest[taken] = -1.0
        farthest = int(nearest.argmax())
        taken[farthest] = True
        np.minimum(nearest, _squared(rows, rows[farthest]), out=nearest)
    return np.flatnonzero(taken)


def _squared(rows: Array, row: Array) -> Array:
    away = rows - row
    return np.asarray(np.vecdot(away, away))
