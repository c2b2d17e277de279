"""Predictions of the next influence matrix that nothing is fitted for, as the paper compares with.

Formulas as in the authors' public early code; all take and give shape (…, n, n).
"""

from __future__ import annotations

import numpy as np

from headway_workers.team_influence.dynamics import project
from headway_workers.team_influence.teams import Array


def uniform(M: Array) -> Array:
    """1/n everywhere."""
    return np.full_like(M, 1.0 / M.shape[-1])


def random(M: Array, rng: np.random.Generator) -> Array:
    """Uniform numbers whose rows are normalised."""
    return project(rng.random(M.shape))


def last(M: Array) -> Array:
    """The previous report once more."""
    return M


def structural_balance(M: Array) -> Array:
    """M'_ij = Σ_{k ≠ i, j} M_ik M_kj for i ≠ j; the diagonal stays, and rows are normalised.

    Who is trusted by those whom I trust gains.
    """
    diagonal = np.diagonal(M, axis1=-2, axis2=-1)
    ways = M @ M - M * (diagonal[..., :, None] + diagonal[..., None, :])
    own = np.eye(M.shape[-1], dtype=bool)
    return project(np.where(own, M, ways))


def reflected_appraisal(M: Array, p: Array) -> Array:
    """M + diag(p − p̄) diag(M₁₁ … M_nn) (I − M) / Σ p, clipped and normalised; p of shape (…, n), ≥ 0.

    After Mei's model; where nobody has anything right yet, M.
    """
    total = p.sum(axis=-1, keepdims=True)
    lead = (p - p.mean(axis=-1, keepdims=True)) / np.where(total > 0.0, total, 1.0)
    scale = lead * np.diagonal(M, axis1=-2, axis2=-1)
    return project(M + scale[..., None] * (np.eye(M.shape[-1]) - M))
