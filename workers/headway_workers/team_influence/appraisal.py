"""Reflected appraisal: the DeGroot-Friedkin map, an oracle for what self-weights converge to.

With relative interactions C (row-stochastic, zero diagonal, irreducible) and self-weights x, a team
discusses an issue by W(x) = diag(x) + (I − diag(x)) C. The next self-weights are the influence that each
member had: the left Perron vector of W(x). With c the left Perron vector of C, that is

    x_i ← (c_i / (1 − x_i)) / Σ_k c_k / (1 − x_k),      so that x_i (1 − x_i) ∝ c_i at the fixed point

(Jia, MirTabatabaei, Friedkin and Bullo, SIAM Review 57, 2015, lemma 2.2 and theorem 4.1).
"""

from __future__ import annotations

import numpy as np

from headway_workers.team_influence.teams import Array


def left_perron(W: Array) -> Array:
    """The left eigenvector to eigenvalue 1 of a row-stochastic irreducible W (n × n), of sum 1."""
    n = len(W)
    system = np.vstack([W.T - np.eye(n), np.ones(n)])
    vector: Array = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0))[0]
    return vector


def discussion(x: Array, C: Array) -> Array:
    """W(x), n × n."""
    W: Array = np.diag(x) + (1.0 - x)[:, None] * C
    return W


def self_weights(C: Array, issues: int = 2_000, tolerance: float = 1e-14) -> Array:
    """The self-weights that the DeGroot-Friedkin map converges to, from equal ones.

    Raises:
        ArithmeticError: it has not settled after so many issues (a star-shaped C never does).
    """
    c = left_perron(C)
    x = np.full(len(C), 1.0 / len(C))
    for _ in range(issues):
        weight = c / (1.0 - x)
        following: Array = weight / weight.sum()
        if np.abs(following - x).max() <= tolerance:
            return following
        x = following
    raise ArithmeticError(f"Self-weights have not settled after {issues} issues. Is C a star?")
