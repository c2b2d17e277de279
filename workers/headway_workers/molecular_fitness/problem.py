"""A problem instance: a landscape, the leaves of a tree under it, and assays of mutants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headway_workers.molecular_fitness.evolution import evolve
from headway_workers.molecular_fitness.landscapes import Landscape, Sequences, all_sequences, potts
from headway_workers.molecular_fitness.trees import Array, kingman

SITES, LETTERS = 8, 4
"""65,536 sequences: divergences are exact."""
BETA, MU, TREE_SCALE = 1.0, 1.0, 1.0
FIELD, COUPLING, DENSITY = 1.0, 0.5, 0.4
"""Standard deviations of h and J, and the share of coupled pairs."""
LEAVES = 10_000
"""Most that a fit sees."""
HELD_OUT = 2_000
"""Leaves of the same tree on which the likelihood is measured; as many again are the audit's."""


@dataclass(frozen=True)
class Assay:
    """All mutants of the wild type at some sites, and their log fitness, without noise."""

    x: Sequences
    fitness: Array


@dataclass(frozen=True)
class Problem:
    """What the objective fits and scores on."""

    landscape: Landscape
    leaves: Sequences
    """(10,000, L), in random order: a beginning is a smaller sample of the same tree."""
    held_out: Sequences
    held_out_audit: Sequences
    assay: Assay
    """At the first half of a random order of the sites: what a campaign may tune on."""
    assay_audit: Assay
    """At the other half."""

    @classmethod
    def of(cls, seed: int) -> Problem:
        """Landscape, tree and leaves; the wild type is the leaf seen most often."""
        rng = np.random.default_rng([seed, 60])
        landscape = potts(SITES, LETTERS, rng, scale=FIELD, coupling=COUPLING, density=DENSITY)
        x = evolve(kingman(LEAVES + 2 * HELD_OUT, TREE_SCALE, rng), landscape, BETA, MU, rng)
        x = x[rng.permutation(len(x))]
        distinct, counts = np.unique(x[:LEAVES], axis=0, return_counts=True)
        wild = distinct[counts.argmax()]
        sites = rng.permutation(SITES)
        seen, unseen = (_assay(landscape, wild, half) for half in (sites[: SITES // 2], sites[SITES // 2 :]))
        return cls(landscape, x[:LEAVES], x[LEAVES:-HELD_OUT], x[-HELD_OUT:], seen, unseen)


def _assay(landscape: Landscape, wild: Sequences, sites: Sequences) -> Assay:
    combinations = all_sequences(len(sites), landscape.letters)
    x = np.repeat(wild[None], len(combinations), axis=0)
    x[:, sites] = combinations
    x = x[(x != wild).any(axis=1)]
    return Assay(x, landscape.fitness(x))
