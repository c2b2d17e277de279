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
    comes with its sine and its cosine (written as one shifted cosine, a cos t + b sin t = c cos(t − ψ)), so
    that the prior draw's variance is exact everywhere and its covariance to O(1/√`n_frequencies`).
    """

    def __init__(
        self, posterior: Posterior, rng: np.random.Generator, n_frequencies: int = N_FREQUENCIES
    ) -> None:
        d = len(posterior.lengthscales)
        self._posterior = posterior
        normal = rng.standard_normal((d, n_frequencies))
        self._frequencies = normal / np.sqrt(rng.chisquare(5.0, n_frequencies))  # over √5: u carries it
        cosine, sine = rng.standard_normal((2, n_frequencies))
        self._amplitude = np.hypot(cosine, sine) * math.sqrt(posterior.outputscale / n_frequencies)
        self._shift = np.arctan2(sine, cosine)
        noise = rng.standard_normal(posterior.n) * np.sqrt(posterior.diagonal)
        prior = np.cos(self._phase(posterior.points)) @ self._amplitude
        self._v = posterior.inverse @ (posterior.z - posterior.mean - prior - noise)

    def values(self, rows: Array) -> Array:
        """Value (r,) at (r, d)."""
        u = scaled(rows, self._posterior.lengthscales)
        prior = np.cos(self._phase(u)) @ self._amplitude
        return np.asarray(self._posterior.mean + prior + self._posterior.weighted(u, self._v))

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        """Value (r,) and gradient over the unit cube (r, d) at (r, d)."""
        u = scaled(rows, self._posterior.lengthscales)
        phase = self._phase(u)
        update, by_u = self._posterior.weighted_with_gradient(u, self._v)
        by_u -= (np.sin(phase) * self._amplitude) @ self._frequencies.T
        value = self._posterior.mean + np.cos(phase) @ self._amplitude + update
        return value, by_u * (SQRT5 / self._posterior.lengthscales)

    def _phase(self, u: Array) -> Array:
        return np.asarray(u @ self._frequencies - self._shift)
