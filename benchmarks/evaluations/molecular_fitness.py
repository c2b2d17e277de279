"""molecular-fitness: BEAR on 10,000 leaves, as its room does it and with a dictionary of contexts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from benchmarks.evaluations.case import Case
from headway_workers.molecular_fitness.families import Settings, fitted
from headway_workers.molecular_fitness.landscapes import Sequences
from headway_workers.molecular_fitness.problem import LETTERS, Problem
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.trees import Array

LAG, H = 5, 1.0


def cases() -> Iterator[Case]:
    """Fit and score."""
    problem = Problem.of(0)
    train, test = problem.leaves, problem.held_out
    yield Case(
        "molecular-fitness: BEAR, lag 5, 10,000 sequences of 8, scores 2,000",
        lambda: scored(train, test),
        lambda: scored_in_loops(train, test),
        lambda ours, plain: float(np.abs(ours / plain - 1.0).max()),
    )


def scored(train: Sequences, test: Sequences) -> Array:
    """Log-densities of the test sequences."""
    settings = Settings("bear", lag=LAG, h=H)
    return fitted(settings, Sample.of(train, LETTERS)).log_density(test)


def scored_in_loops(train: Sequences, test: Sequences) -> Array:
    """The same, letter by letter."""
    counts: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    start = [LETTERS] * LAG
    for row in train.tolist():
        for at, letter in enumerate(row):
            counts[tuple((start + row)[at : at + LAG])][letter] += 1
    scores = []
    for row in test.tolist():
        total = 0.0
        for at, letter in enumerate(row):
            seen = counts[tuple((start + row)[at : at + LAG])]
            total += np.log((1 / LETTERS / H + seen[letter]) / (1 / H + sum(seen.values())))
        scores.append(total)
    return np.array(scores)
