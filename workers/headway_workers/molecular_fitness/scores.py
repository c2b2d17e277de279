"""How well a density ranks fitness: Spearman's ρ against an assay, the AUC against clinical labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from headway_workers.molecular_fitness.trees import Array

ALPHA = 0.025
"""Level of the paper's two one-sided tests."""


def spearman(scores: Array, measured: Array) -> Array:
    """Spearman's ρ along the last axis, ties at their mean rank; 0 where all scores are equal."""
    ranked = rankdata(scores, axis=-1) - (scores.shape[-1] + 1) / 2.0
    target = rankdata(measured, axis=-1) - (measured.shape[-1] + 1) / 2.0
    norm = np.sqrt((ranked**2).sum(axis=-1) * (target**2).sum(axis=-1))
    rho: Array = (ranked * target).sum(axis=-1) / np.where(norm > 0.0, norm, 1.0)
    return rho


def auc(scores: Array, positive: NDArray[np.bool_]) -> Array:
    """Area under the ROC curve along the last axis: P(a positive scores higher), ties count half.

    Raises:
        ValueError: one of the two classes is empty.
    """
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        raise ValueError(f"{n} positive and {m} negative labels: the AUC needs one of each at least.")
    ranked = rankdata(scores, axis=-1)
    area: Array = (ranked[..., positive].sum(axis=-1) - n * (n + 1) / 2.0) / (n * m)
    return area


def acceptance(score: float, of_draws: Array) -> float:
    """P(S(q) > S(p₀)) over posterior draws of p₀: above 1 − α accepts H2, the parametric fit beats the
    true density; below α accepts H1, the converse (section 5 of the paper).
    """
    return float((score > of_draws).mean())
