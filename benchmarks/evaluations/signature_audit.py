"""Random-gene nulls of a signature, beside loops over sets and pairs of patients, as one writes them down."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.evaluations.case import Case
from headway_workers.signature_audit.gene_sets import Sets, random_sets, weighted_scores
from headway_workers.signature_audit.simulator import Cohort, FactorModel
from headway_workers.signature_audit.survival import Array, CoxScore, concordance


def cases() -> Iterator[Case]:
    """Concordance and score z of random sets; the plain loops set the size."""
    cohort = FactorModel(genes=15_000).draw(300, structure=0, rng=np.random.default_rng(0))
    Z = (cohort.values - cohort.values.mean(axis=0)) / cohort.values.std(axis=0)
    genes = torch.as_tensor(Z.T.copy())
    sets = random_sets(15_000, 12, 200, np.random.default_rng(1))
    yield Case(
        "signature audit: C and z of 200 random sets of 12 genes, 300 × 15,000",
        lambda: ours(genes, sets, cohort),
        lambda: plain(Z, sets, cohort),
        apart,
    )


def ours(genes: torch.Tensor, sets: Sets, cohort: Cohort) -> Array:
    """C and z of each set, shape (2, sets)."""
    scores = weighted_scores(genes, torch.as_tensor(sets))
    both = concordance(scores, cohort.survival), CoxScore(cohort.survival)(scores)
    found: Array = torch.stack(both).numpy()
    return found


def plain(Z: Array, sets: Sets, cohort: Cohort) -> Array:
    """Set by set: over events for z, over the events' comparable patients for C."""
    time, event = cohort.survival.time, cohort.survival.event
    found = []
    for chosen in sets:
        score = Z[:, chosen].mean(axis=1)
        won = pairs = U = V = 0.0
        for i in np.flatnonzero(event):
            later = (time > time[i]) | ((time == time[i]) & ~event)
            pairs += later.sum()
            won += (score[i] > score[later]).sum() + 0.5 * (score[i] == score[later]).sum()
            at_risk = score[time >= time[i]]
            U += score[i] - at_risk.mean()
            V += at_risk.var()
        found.append((won / pairs, U / V**0.5))
    return np.array(found).T


def apart(one: Array, other: Array) -> float:
    """Largest difference, relative to the second."""
    return float(np.max(np.abs(one / other - 1.0)))
