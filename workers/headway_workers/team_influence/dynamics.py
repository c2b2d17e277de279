"""How an influence matrix moves from one issue to the next.

The paper's dynamical model combines differentiation, reversion and perception. **These equations are our
reconstruction of that family, not the paper's equations.** With p the running correctness, c the
confidence and Π clipping at 0 followed by normalisation of the rows,

    M(t+1) = Π[ M + a D(M, p) + r (M(0) − M) + g (E(p, c) − M) ],                            (1)
    D      = diag(p − M p) diag(M₁₁ … M_nn) (I − M),                                         (2)
    E_ij   ∝ (p_j − u max(p_j − p_i, 0))^η exp(κ (c_j − c̄)),      Σ_j E_ij = 1.              (3)

a: who does better than those it listens to, weighted by influence, raises its self-weight. r: opinions
fall back to the first ones. g: influence is accorded by perceived expertise and confidence, and who does
worse underestimates who does better by a share u of the difference (the paper's third hypothesis).

For identical performers p_j = p, D vanishes because M p = p, and E does not depend on M, so that without
clipping (1) is affine with the fixed point

    M* = (r M(0) + g E) / (r + g),      M(t) − M* = (1 − r − g)^t (M(0) − M*),               (4)

which attracts for 0 < r + g < 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headway_workers.team_influence.teams import Array

PERCEPTION_FLOOR = 0.01
"""Least perceived performance in (3): who has nothing right yet is not written off for ever."""


@dataclass(frozen=True)
class Dynamics:
    """The constants of (1) to (3)."""

    a: float
    """Differentiation."""
    r: float
    """Reversion to the first report."""
    g: float
    """Perception of expertise and confidence."""
    eta: float = 1.0
    """Exponent of the perceived performance."""
    kappa: float = 0.0
    """Weight of confidence in the exponent."""
    u: float = 0.0
    """Share by which a low performer underestimates a higher one's lead, 0 to 1."""
    memory: float = 1.0
    """Of the running correctness; 1 forgets nothing."""

    def step(self, M: Array, first: Array, p: Array, c: Array) -> Array:
        """M(t+1) by (1); M and `first` = M(0) of shape (…, n, n), p and c of shape (…, n)."""
        return project(self.unprojected(M, first, p, c))

    def unprojected(self, M: Array, first: Array, p: Array, c: Array) -> Array:
        """The bracket of (1); rows sum to 1, entries may be negative."""
        E = perceived(p, c, self.eta, self.kappa, self.u)
        moved: Array = M + self.a * differentiation(M, p) + self.r * (first - M) + self.g * (E - M)
        return moved


def project(M: Array) -> Array:
    """Π: negative entries become 0, then rows are divided by their sum, which must be positive."""
    positive = np.maximum(M, 0.0)
    scaled: Array = positive / positive.sum(axis=-1, keepdims=True)
    return scaled


def differentiation(M: Array, p: Array) -> Array:
    """D of (2), shape (…, n, n). Its rows sum to 0, because those of I − M do."""
    lead = p - (M @ p[..., None])[..., 0]
    scale = lead * np.diagonal(M, axis1=-2, axis2=-1)
    D: Array = scale[..., None] * (np.eye(M.shape[-1]) - M)
    return D


def perceived(p: Array, c: Array, eta: float, kappa: float, u: float) -> Array:
    """E of (3), shape (…, n, n); rows sum to 1."""
    shortfall = np.maximum(p[..., None, :] - p[..., :, None], 0.0)
    performance = np.maximum(p[..., None, :] - u * shortfall, PERCEPTION_FLOOR)
    trust = np.exp(kappa * (c - c.mean(axis=-1, keepdims=True)))
    E = performance**eta * trust[..., None, :]
    rows: Array = E / E.sum(axis=-1, keepdims=True)
    return rows


def fixed_point(dynamics: Dynamics, first: Array, p: float, c: Array) -> Array:
    """M* of (4) for identical performers of correctness p; needs r + g > 0."""
    E = perceived(np.full_like(c, p), c, dynamics.eta, dynamics.kappa, dynamics.u)
    pulled: Array = (dynamics.r * first + dynamics.g * E) / (dynamics.r + dynamics.g)
    return pulled
