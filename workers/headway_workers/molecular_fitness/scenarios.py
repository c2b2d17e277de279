"""The paper's two scenarios, small enough to know everything: who ranks fitness better, q or p₀?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from headway_workers.molecular_fitness.autoregressive import Autoregressive
from headway_workers.molecular_fitness.bear import STRENGTHS, Bear, by_marginal_likelihood
from headway_workers.molecular_fitness.evolution import evolve
from headway_workers.molecular_fitness.landscapes import (
    Landscape,
    Sequences,
    all_sequences,
    divergence,
    log_boltzmann,
    potts,
    site_independent,
)
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.scores import acceptance, spearman
from headway_workers.molecular_fitness.swi import SiteWise
from headway_workers.molecular_fitness.trees import Array, kingman

SITES, LETTERS = 6, 4
"""4,096 sequences: every sum over them is exact."""
PSEUDOCOUNT = 0.5
DRAWS = 80
"""From the posterior over p₀."""

Scenario = Literal["misspecified model, independent data", "well-specified model, phylogeny"]


def landscape_and_data(scenario: Scenario, size: int, seed: int) -> tuple[Landscape, Sequences]:
    """Scenario 1: independent draws from a Potts p∞. Scenario 2: leaves of a Kingman tree, scale 1, under a
    site-independent landscape. (N, 6), in random order, so that a beginning is a smaller sample of the same.
    """
    rng = np.random.default_rng([seed, 6])
    if scenario == "misspecified model, independent data":
        landscape = potts(SITES, LETTERS, rng, scale=1.0, coupling=1.0, density=0.5)
        density = np.exp(log_boltzmann(landscape, 1.0))
        chosen = rng.choice(len(density), size, p=density / density.sum())
        return landscape, all_sequences(SITES, LETTERS)[chosen]
    landscape = site_independent(SITES, LETTERS, 1.0, rng)
    leaves = evolve(kingman(size, 1.0, rng), landscape, 1.0, 1.0, rng)
    return landscape, leaves[rng.permutation(size)]


def parametric_wins(landscape: Landscape, x: Sequences, seed: int) -> float:
    """P(ρ of the fitted site-wise model > ρ of p₀) over BEAR's posterior on p₀, both against f itself."""
    everything = all_sequences(SITES, LETTERS)
    f = landscape.fitness(everything)
    sample = Sample.of(x, LETTERS)
    fitted = SiteWise.fit(sample, PSEUDOCOUNT)
    # The whole prefix is the context, which tells the site: the embedded model is the fitted one.
    posterior = by_marginal_likelihood(sample, fitted, (SITES,))
    draws = posterior.draws(everything, DRAWS, np.random.default_rng([seed, 7]))
    return acceptance(float(spearman(fitted.log_density(everything), f)), spearman(draws, f))


@dataclass(frozen=True)
class Dial:
    """What turning h from the embedded model to the nonparametric does, means over instances, (H,) each."""

    h: Array
    marginal: Array
    """Log marginal likelihood per sequence, nats."""
    kl: Array
    """KL(p∞ ‖ q), nats."""
    rho: Array
    """Spearman's ρ of q with fitness, over all sequences."""


def dial(scale: float, seeds: range, size: int = 3_000, h: Array = STRENGTHS) -> Dial:
    """BEAR around the site-wise model on Kingman leaves under site-independent landscapes."""
    everything = all_sequences(SITES, LETTERS)
    rows = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 8])
        landscape = site_independent(SITES, LETTERS, 1.0, rng)
        sample = Sample.of(evolve(kingman(size, scale, rng), landscape, 1.0, 1.0, rng), LETTERS)
        base: Autoregressive = SiteWise.fit(sample, PSEUDOCOUNT)
        target, f = log_boltzmann(landscape, 1.0), landscape.fitness(everything)
        bear = Bear.fit(sample, base, SITES, 1.0)
        for strength in h:
            turned = bear.with_h(float(strength))
            log_q = turned.log_density(everything)
            rows.append(
                (
                    turned.log_marginal_likelihood() / size,
                    divergence(target, log_q),
                    float(spearman(log_q, f)),
                )
            )
    marginal, kl, rho = np.array(rows).reshape(len(seeds), len(h), 3).mean(axis=0).T
    return Dial(h, marginal, kl, rho)
