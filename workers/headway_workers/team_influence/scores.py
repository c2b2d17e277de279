"""How far predicted influence is from what was reported."""

from __future__ import annotations

import numpy as np

from headway_workers.team_influence.teams import Array

HALF_A_PERCENT = 0.005
"""What stands for a reported 0 % in a logarithm: half the resolution of a report."""


def squared_errors(predicted: Array, reported: Array) -> Array:
    """Mean squared error per matrix, shape (…); inputs (…, n, n)."""
    errors: Array = np.square(predicted - reported).mean(axis=(-2, -1))
    return errors


def divergence(predicted: Array, reported: Array) -> float:
    """Mean over rows of KL(reported ‖ predicted), nats; zeros count as half a percent."""
    p, q = (np.maximum(M, HALF_A_PERCENT) for M in (reported, predicted))
    p, q = (M / M.sum(axis=-1, keepdims=True) for M in (p, q))
    return float((p * np.log(p / q)).sum(axis=-1).mean())


def most_influential(predicted: Array, reported: Array) -> float:
    """How often the member who is accorded most influence in all, self-weight left out, is predicted.

    Where several were accorded the most, any of them counts.
    """
    others = 1.0 - np.eye(predicted.shape[-1])
    accorded, expected = (reported * others).sum(axis=-2), (predicted * others).sum(axis=-2)
    chosen = np.take_along_axis(accorded, expected.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return float(np.mean(chosen >= accorded.max(axis=-1) - 1e-12))


def simplex_error(predicted: Array) -> float:
    """Largest |row sum − 1| or negative part."""
    rows = np.abs(predicted.sum(axis=-1) - 1.0).max()
    return float(max(rows, np.max(-predicted), 0.0))
