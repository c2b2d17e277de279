"""BEAR, the Bayesian embedded autoregressive model: a posterior over the true density of sequences.

After each context k the next letter's distribution is v_k ~ Dirichlet(AR(k) / h), AR an embedded
autoregressive model; counts update it to Dirichlet(AR(k) / h + counts_k) (Weinstein et al. 2022, and its
authors' public code). h → 0 is the embedded model, a large h is nonparametric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from headway_workers.molecular_fitness.autoregressive import Autoregressive, contexts
from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.trees import Array

_FLOOR = 1e-12
"""Least probability of an embedded model's letter: a Dirichlet's parameters are positive."""


@dataclass(frozen=True)
class Bear:
    """The posterior over the next letter's distributions, given a sample."""

    base: Autoregressive
    letters: int
    lag: int
    h: float
    keys: NDArray[np.int64]
    """(K,), ascending: the contexts that were seen."""
    counts: Array
    """(K, B), summed weights."""
    prior: Array
    """(K, B), the embedded model's rows there."""

    @classmethod
    def fit(cls, sample: Sample, base: Autoregressive, lag: int, h: float) -> Bear:
        """Count what follows each context of the sample; h is positive."""
        numbers = contexts(sample.x, lag, sample.letters)
        keys, first, row = np.unique(numbers, return_index=True, return_inverse=True)
        row = row.reshape(numbers.shape)
        held = sample.x >= 0
        counts = np.zeros((len(keys), sample.letters))
        np.add.at(
            counts, (row[held], sample.x[held]), np.broadcast_to(sample.weights[:, None], row.shape)[held]
        )
        prior = np.maximum(base.conditionals(sample.x).reshape(-1, sample.letters)[first], _FLOOR)
        return cls(base, sample.letters, lag, h, keys, counts, prior)

    def with_h(self, h: float) -> Bear:
        """The same counts under another h."""
        return Bear(self.base, self.letters, self.lag, h, self.keys, self.counts, self.prior)

    def log_marginal_likelihood(self) -> float:
        """Log p(sample | h, lag, AR) in nats: the Dirichlet-multinomial of each context, in order."""
        a = self.prior / self.h
        whole, seen = a.sum(axis=1), self.counts.sum(axis=1)
        letters = gammaln(a + self.counts) - gammaln(a)
        return float((gammaln(whole) - gammaln(whole + seen)).sum() + letters.sum())

    def log_density(self, x: Sequences) -> Array:
        """Log of the posterior's mean conditionals, summed along each sequence, (N,)."""
        a, row = self._posterior(x)
        density: Array = _summed(np.log(a / a.sum(axis=1, keepdims=True))[None], row, x)[0]
        return density

    def draws(self, x: Sequences, count: int, rng: np.random.Generator) -> Array:
        """Log p(x) under `count` densities p from the posterior, (count, N).

        Sequences share a draw's distributions wherever they share a context; contexts that only they hold
        are drawn from the prior.
        """
        a, row = self._posterior(x)
        # log Gamma(a) = log Gamma(a + 1) + log(U) / a, which a small a does not underflow.
        log_v = np.log(rng.standard_gamma(a + 1.0, (count, *a.shape)))
        log_v += np.log1p(-rng.random((count, *a.shape))) / a
        log_v -= logsumexp(log_v, axis=2, keepdims=True)
        return _summed(log_v, row, x)

    def _posterior(self, x: Sequences) -> tuple[Array, NDArray[np.intp]]:
        """Dirichlet parameters of the contexts of x, (K', B), and which is whose, (N, L)."""
        numbers = contexts(x, self.lag, self.letters)
        keys, first, row = np.unique(numbers, return_index=True, return_inverse=True)
        a = np.maximum(self.base.conditionals(x).reshape(-1, self.letters)[first], _FLOOR) / self.h
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        seen = self.keys[place] == keys
        a[seen] += self.counts[place[seen]]
        return a, row.reshape(numbers.shape)


def _summed(log_v: Array, row: NDArray[np.intp], x: Sequences) -> Array:
    """Σ_l log v[row_l, x_l] for each draw, (D, N)."""
    total = np.zeros((len(log_v), len(x)))
    for site in range(x.shape[1]):
        held = x[:, site] >= 0
        total[:, held] += log_v[:, row[held, site], x[held, site]]
    return total


STRENGTHS = np.logspace(-4, 3, 29)
"""h that `by_marginal_likelihood` chooses from."""


def by_marginal_likelihood(
    sample: Sample, base: Autoregressive, lags: tuple[int, ...], strengths: Array = STRENGTHS
) -> Bear:
    """The lag and h of the largest marginal likelihood: empirical Bayes, as the paper chooses them."""
    fits = [Bear.fit(sample, base, lag, 1.0) for lag in lags]
    candidates = (fit.with_h(float(h)) for fit in fits for h in strengths)
    return max(candidates, key=Bear.log_marginal_likelihood)
