"""Functions drawn from a Gaussian process prior with known hyperparameters: the only ones for which the
theory's assumptions hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.stats import qmc

from headway_workers.async_bo.functions import Array

FREQUENCIES = 2_000
STARTS = 20
LOG2_SCREENED = 13
"""2^this Sobol points are looked at for the minimum; the best `STARTS` of them are descended from."""


@dataclass(frozen=True)
class PriorDraw:
    """f(x) = √(2/F) Σ_i w_i cos(ω_i · x/ℓ + b_i) over the unit cube, with mean 0 and variance 1.

    Random Fourier features of the Matérn-5/2 kernel (Rahimi and Recht 2007), whose frequencies follow
    Student's t with 5 degrees of freedom.
    """

    lengthscale: float
    frequencies: Array
    """(d, F)."""
    phases: Array
    weights: Array
    """(F,) each."""

    @classmethod
    def draw(cls, dimension: int, lengthscale: float, rng: np.random.Generator) -> PriorDraw:
        """A function of `dimension` variables."""
        normal = rng.standard_normal((dimension, FREQUENCIES))
        frequencies = normal / np.sqrt(rng.chisquare(5.0, FREQUENCIES) / 5.0)
        phases = rng.uniform(0.0, 2.0 * math.pi, FREQUENCIES)
        weights = rng.standard_normal(FREQUENCIES) * math.sqrt(2.0 / FREQUENCIES)
        return cls(lengthscale, frequencies, phases, weights)

    def __call__(self, x: Array) -> Array:
        """(…, d) to (…,)."""
        return np.asarray(np.cos(x / self.lengthscale @ self.frequencies + self.phases) @ self.weights)

    def gradient(self, x: Array) -> Array:
        """(d,) to (d,)."""
        slopes = -np.sin(x / self.lengthscale @ self.frequencies + self.phases) * self.weights
        return np.asarray(self.frequencies @ slopes / self.lengthscale)

    def minimum(self) -> tuple[Array, float]:
        """The minimiser (d,) and the minimum, by descents from the best of many Sobol points."""
        d = len(self.frequencies)
        screened = qmc.Sobol(d, rng=0).random_base2(LOG2_SCREENED)
        values = np.concatenate([self(block) for block in np.array_split(screened, 16)])
        best, least = screened[0], math.inf
        for start in screened[np.argsort(values)[:STARTS]]:
            found = minimize(
                lambda x: (float(self(x)), self.gradient(x)),
                start,
                jac=True,
                method="L-BFGS-B",
                bounds=[(0.0, 1.0)] * d,
            )
            if found.fun < least:
                best, least = np.asarray(found.x), float(found.fun)
        return best, least
