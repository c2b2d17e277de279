"""Several objectives as one: a random weighing per request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headway_server.engine.gp.kernel import Array
from headway_server.engine.search.surfaces import Surface

AUGMENTATION = 0.05
"""ρ of the augmented norm: so small that it decides only between points that the minimum leaves equal."""
BEYOND = 0.1
"""The utopia lies this share of the range beyond the best of each objective: a front of one point, which is
the best of everything seen, would otherwise hold every later request to itself."""


@dataclass(frozen=True)
class Chebyshev:
    """s(v) = min_i w_i t_i + ρ Σ_i w_i t_i with t_i = (v_i − utopia_i)/extent_i.

    The augmented Chebyshev scalarisation of Knowles 2006, "ParEGO" (eq. 2, here for utilities), of values
    scaled to the range seen so far.
    """

    weights: Array
    """(m,), on the simplex."""
    utopia: Array
    """(m,)."""
    extent: Array
    """(m,), positive."""

    @classmethod
    def draw(cls, means: Array, rng: np.random.Generator) -> Chebyshev:
        """Weights uniform on the simplex; scales from the posterior means at the data, (n, m)."""
        low, high = means.min(axis=0), means.max(axis=0)
        extent = np.maximum(high - low, 1e-9)
        weights: Array = rng.standard_exponential((means.shape[1],))
        return cls(weights / weights.sum(), high + BEYOND * extent, extent)

    def __call__(self, values: Array) -> tuple[Array, Array]:
        """Scalar (r,) of values (r, m), and its derivatives (r, m)."""
        terms = self.weights * (values - self.utopia) / self.extent
        slope = np.full_like(values, AUGMENTATION)
        slope[np.arange(len(values)), terms.argmin(axis=1)] += 1.0
        scalar = terms.min(axis=1) + AUGMENTATION * terms.sum(axis=1)
        return scalar, slope * self.weights / self.extent


class ScalarisedSurface(Surface):
    """s(v_1(x), …, v_m(x)) of one surface per objective.

    With upper confidence bounds or Thompson paths as v: Paria et al. 2020, "A flexible framework for
    multi-objective Bayesian optimization using random scalarizations", algorithm 1.
    """

    def __init__(self, surfaces: Sequence[Surface], scalarisation: Chebyshev) -> None:
        self._surfaces, self._scalarise = surfaces, scalarisation
        self.beta, self.path_id, self.n_given = surfaces[0].beta, surfaces[0].path_id, surfaces[0].n_given

    def values(self, rows: Array) -> Array:
        return self._scalarise(np.stack([surface.values(rows) for surface in self._surfaces], axis=1))[0]

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        found = [surface.values_and_gradients(rows) for surface in self._surfaces]
        value, slope = self._scalarise(np.stack([one for one, _ in found], axis=1))
        return value, np.einsum("rm,mrd->rd", slope, np.stack([one for _, one in found]))


def non_dominated(utilities: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n, m) to (n,): the rows that no other row dominates; larger is better."""
    kept = np.ones(len(utilities), dtype=np.bool_)
    for i, row in enumerate(utilities):
        if kept[i]:
            no_worse = (utilities >= row).all(axis=1)
            if (utilities[no_worse] > row).any():
                kept[i] = False
    return kept
