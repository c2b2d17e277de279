"""Thompson samples as functions: one posterior path per draw, by Matheron's rule."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import Posterior

N_FREQUENCIES = 512
STRIP = 32
"""Rows whose waves are worked on at a time, so that they stay in the cache."""
TURN = np.float32(2.0 * math.pi)

Waves = npt.NDArray[np.float32]
"""Angles within half a turn, (r, `n_frequencies`)."""


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
        frequencies = np.where(kernel.categorical[:, None], math.sqrt(2.0) * normal, student)
        cosine, sine = rng.standard_normal((2, n_frequencies))
        amplitude = np.hypot(cosine, sine) * math.sqrt(posterior.outputscale / n_frequencies)
        self._amplitude = amplitude.astype(np.float32)
        self._per_turn = frequencies / (2.0 * math.pi)
        self._shift = np.arctan2(sine, cosine) / (2.0 * math.pi)
        slopes = np.where(kernel.categorical[:, None], 0.0, frequencies * amplitude)
        self._slopes = slopes.T.astype(np.float32)
        noise = rng.standard_normal(posterior.m) * np.sqrt(posterior.diagonal)
        prior = self._prior(posterior.rows)
        self._v = posterior.solve(posterior.site_z - posterior.mean - prior - noise)

    def values(self, rows: Array) -> Array:
        """Value (r,) at (r, d)."""
        prior = self._prior(rows)
        return np.asarray(self._posterior.mean + prior + self._posterior.weighted(rows, self._v))

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        """Value (r,) and gradient over the unit cube (r, d) at (r, d); categories have none."""
        waves = self._waves(rows)
        update, gradient = self._posterior.weighted_with_gradient(rows, self._v)
        gradient -= (np.sin(waves) @ self._slopes) * self._posterior.kernel.weights
        return self._posterior.mean + np.cos(waves) @ self._amplitude + update, gradient

    def _prior(self, rows: Array) -> Array:
        """The draw from the prior, less the mean: (r, d) to (r,)."""
        prior = np.empty(len(rows))
        for i in range(0, len(rows), STRIP):
            waves = self._waves(rows[i : i + STRIP])
            prior[i : i + STRIP] = np.cos(waves, out=waves) @ self._amplitude
        return prior

    def _waves(self, rows: Array) -> Waves:
        """The angle of each wave at (r, d).

        Whole turns are taken off in double precision; what is left takes single precision to 2e-7, whose
        sine and cosine cost a fifth.
        """
        turns = self._posterior.kernel.scaled(rows) @ self._per_turn
        turns -= self._shift
        turns -= np.rint(turns)
        angles = turns.astype(np.float32)
        angles *= TURN
        return angles
