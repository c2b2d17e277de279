"""The Potts model, fitted by pseudo-likelihood (Ekeberg et al. 2013, the symmetric variant)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from headway_workers.molecular_fitness.landscapes import Landscape, Sequences, all_sequences
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.trees import Array

ITERATIONS = 500


@dataclass(frozen=True)
class PottsModel:
    """q(x) = e^{f(x)} / Z with a Potts f."""

    landscape: Landscape
    converged: bool

    @classmethod
    def fit(cls, sample: Sample, l2: float) -> PottsModel:
        """Minimise the mean negative log pseudo-likelihood + l2 (Σ h² + Σ_{i<j} J²), by L-BFGS."""
        X = sample.one_hot()
        U, L, B = X.shape
        flat = X.reshape(U, L * B)
        share = sample.weights / sample.effective
        elsewhere = np.kron(1.0 - np.eye(L), np.ones((B, B)))

        def loss(parameters: Array) -> tuple[float, Array]:
            h, W = parameters[: L * B], parameters[L * B :].reshape(L * B, L * B)
            symmetric = (W + W.T) * elsewhere / 2.0
            log_q = log_softmax((flat @ symmetric + h).reshape(U, L, B), axis=2)
            residual = ((np.exp(log_q) - X) * share[:, None, None]).reshape(U, L * B)
            slope = flat.T @ residual
            value = -float(np.einsum("u,ulb,ulb->", share, X, log_q))
            value += l2 * (float(h @ h) + float((symmetric**2).sum()) / 2.0)
            gradient = (slope + slope.T) * elsewhere / 2.0 + l2 * symmetric
            return value, np.concatenate([residual.sum(axis=0) + 2.0 * l2 * h, gradient.ravel()])

        start = np.zeros(L * B * (L * B + 1))
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS})
        W = found.x[L * B :].reshape(L * B, L * B)
        J = ((W + W.T) * elsewhere / 2.0).reshape(L, B, L, B).transpose(0, 2, 1, 3)
        return cls(Landscape(found.x[: L * B].reshape(L, B), J), bool(found.success))

    @cached_property
    def log_normaliser(self) -> float:
        """Log Z, by the sum over all sequences.

        Raises:
            ValueError: there are too many of them.
        """
        everything = all_sequences(self.landscape.sites, self.landscape.letters)
        return float(logsumexp(self.landscape.fitness(everything)))

    def log_density(self, x: Sequences) -> Array:
        """Log q, (N,), normalised exactly."""
        density: Array = self.landscape.fitness(x) - self.log_normaliser
        return density
