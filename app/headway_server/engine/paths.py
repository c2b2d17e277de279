"""Thompson samples as functions: one posterior path per draw, by Matheron's rule."""

from __future__ import annotations

import math

import numpy as np

from headway_server.engine.kernel import SQRT5, Array, scaled
from headway_server.engine.posterior import Posterior

N_FREQUENCIES = 512


class Path:
    """A differentiable draw from the posterior.

    f(x) = m + φ(x)·w + k(x, X) K⁻¹ (z − m − φ(X) w − ε): a random Fourier draw from the prior, corrected
    to the data (Wilson et al. 2020, "Efficiently sampling functions from Gaussian process posteriors",
    eq. 13). The frequencies of a Matérn-5/2 kernel follow Student's t with 5 degrees of freedom; each
    comes with its sine and its cosine, so that the prior draw's variance is exact everywhere and its
    covariance to O(1/√`n_frequencies`).
    """

    def __init__(
        self, posterior: Posterior, rng: np.random.Generator, n_frequencies: int = N_FREQUENCIES
    ) -> None:
        d = len(posterior.lengthscales)
        self._posterior = posterior
        normal = rng.standard_normal((d, n_frequencies))
        self._frequencies = normal / np.sqrt(rng.chisquare(5.0, n_frequencies))  # over √5: u carries it
        self._w = rng.standard_normal((2, n_frequencies)) * math.sqrt(posterior.outputscale / n_frequencies)
        noise = rng.standard_normal(posterior.n) * np.sqrt(posterior.diagonal)
        prior = self._prior(*self._waves(posterior.points))
        self._v = posterior.inverse @ (posterior.z - posterior.mean - prior - noise)

    def values(self, rows: Array) -> Array:
        """Value (r,) at (r, d)."""
        u = scaled(rows, self._posterior.lengthscales)
        return self._posterior.mean + self._prior(*self._waves(u)) + self._posterior.weighted(u, self._v)

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        """Value (r,) and gradient over the unit cube (r, d) at (r, d)."""
        u = scaled(rows, self._posterior.lengthscales)
        cosine, sine = self._waves(u)
        update, by_u = self._posterior.weighted_with_gradient(u, self._v)
        by_u += (cosine * self._w[1] - sine * self._w[0]) @ self._frequencies.T
        value = self._posterior.mean + self._prior(cosine, sine) + update
        return value, by_u * (SQRT5 / self._posterior.lengthscales)

    def _waves(self, u: Array) -> tuple[Array, Array]:
        phase = u @ self._frequencies
        return np.cos(phase), np.sin(phase)

    def _prior(self, cosine: Array, sine: Array) -> Array:
        return np.asarray(cosine @ self._w[0] + sine @ self._w[1])
