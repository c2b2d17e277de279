"""Thompson samples as functions: one posterior path per draw, by Matheron's rule."""

from __future__ import annotations

import math

import numpy as np

from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import Posterior

N_FREQUENCIES = 512


class Path:
    """A differentiable draw from the posterior.

    f(x) = m + φ(x)·w + k(x, X) K⁻¹ (z − m − φ(X) w − ε): a random Fourier draw from the prior, corrected
    to the sites (Wilson et al. 2020, "Efficiently sampling functions from Gaussian process posteriors",
    eq. 13). The frequencies of a Matérn-5/2 kernel follow Student's t with 5 degrees of freedom; each
    comes with its sine and its cosine (written as one shifted cosine, a cos t + b sin t = c cos(t − ψ)), so
    that the prior draw's variance is exact everywhere and its covariance to O(1/√`n_frequencies`).
    """

    def __init__(
        self, posterior: Posterior, rng: np.random.Generator, n_frequencies: int = N_FREQUENCIES
    ) -> None:
        kernel = posterior.kernel
        self._posterior = posterior
        normal = rng.standard_normal((len(kernel.lengthscales), n_frequencies))
        student = normal / np.sqrt(rng.chisquare(5.0, n_frequencies))  # over √5: u carries it
        # e^{−‖u − u′‖²}, the kernel on categories, is a Gaussian one with frequencies from N(0, 2).
        self._frequencies = np.where(kernel.categorical[:, None], math.sqrt(2.0) * normal, student)
        cosine, sine = rng.standard_normal((2, n_frequencies))
        self._amplitude = np.hypot(cosine, sine) * math.sqrt(posterior.outputscale / n_frequencies)
        self._shift = np.arctan2(sine, cosine)
        noise = rng.standard_normal(posterior.m) * np.sqrt(posterior.diagonal)
        prior = np.cos(self._phase(posterior.rows)) @ self._amplitude
        self._v = posterior.solve(posterior.site_z - posterior.mean - prior - noise)

    def values(self, rows: Array) -> Array:
        """Value (r,) at (r, d)."""
        prior = np.cos(self._phase(rows)) @ self._amplitude
        return np.asarray(self._posterior.mean + prior + self._posterior.weighted(rows, self._v))

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        """Value (r,) and gradient over the unit cube (r, d) at (r, d); categories have none."""
        phase = self._phase(rows)
        update, gradient = self._posterior.weighted_with_gradient(rows, self._v)
        by_u = (np.sin(phase) * self._amplitude) @ self._frequencies.T
        kernel = self._posterior.kernel
        gradient -= np.where(kernel.categorical, 0.0, by_u * kernel.weights)
        return self._posterior.mean + np.cos(phase) @ self._amplitude + update, gradient

    def _phase(self, rows: Array) -> Array:
        return np.asarray(self._posterior.kernel.scaled(rows) @ self._frequencies - self._shift)
