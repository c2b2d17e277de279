"""What is known exactly about the limit and about a single neuron.

Derived here, not quoted from a paper, where nothing else is said; `checks.py` holds each against something
else than itself.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import xlog1py
from scipy.stats import binom

from headway_workers.relu_jumps.problem import Array, Problem, Weights

DOUBT = 0.05
"""δ of the union bound where a width is given as a multiple of it."""

LIMIT_RATIO = 1.0 + 2.0**0.5
"""Squared norm over the minimal one as n → ∞ for fair labels ±1 and widths of order log n: each jump of a
sign halves what is unfit, so its masses are √(n₊/2) (1 + 2^-½ + 2^-1 + …) = √n₊ · 2^-½ / (1 − 2^-½)."""


def minimal_squared_norm(problem: Problem) -> float:
    """Least Σ_j (a_j² + ‖w_j‖²) of all networks, of any width, that interpolate: 2 (‖y₊/c‖ + ‖y₋/c‖).

    The outputs p_ji = a_j relu(u_ji) of neurons with a_j > 0 sum to at least y_i on positive labels, and
    p_ji/c_i ≤ |a_j| |w_ji|, so ‖y₊/c‖ ≤ Σ |a_j| ‖w_j‖ ≤ ½ Σ (a_j² + ‖w_j‖²) over these neurons; likewise
    for a_j < 0. `minimal_network` attains it. For c = 1 it is the minimum of Boursier et al. (2022).
    """
    cost, positive = problem.cost, problem.positive
    return 2.0 * float(np.linalg.norm(cost[positive]) + np.linalg.norm(cost[~positive]))


def minimal_network(problem: Problem) -> Weights:
    """An interpolator of minimal norm: one neuron for each sign of the labels, m = 2."""
    sides = np.stack([problem.positive, ~problem.positive])
    target = sides * problem.cost
    a = np.linalg.norm(target, axis=1) ** 0.5
    w = np.divide(target, a[:, None], out=np.zeros_like(target), where=a[:, None] > 0.0)
    return Weights(a * [1.0, -1.0], w)


def interpolation_probability(m: int, n_positive: int, n_negative: int) -> float:
    """P(every datum lies in some A_j) for m neurons whose signs are all fair coins.

    Given k neurons with a_j > 0, a positive datum is missed by all of them with probability 2^-k,
    independently of the other data:

        P = Σ_k C(m, k) 2^-m (1 − 2^-k)^{n₊} (1 − 2^{-(m−k)})^{n₋}.
    """
    k = np.arange(m + 1)
    log_fitted = xlog1py(n_positive, -(0.5**k)) + xlog1py(n_negative, -(0.5 ** (m - k)))
    return float(binom.pmf(k, m, 0.5) @ np.exp(log_fitted))


def union_bound_width(n: int, doubt: float) -> int:
    """Least m with n (3/4)^m < δ: floor(log(n/δ) / log(4/3)) + 1, as in the code of arXiv 2502.16977.

    A neuron misses a datum with probability 3/4, so P(interpolate) ≥ 1 − n (3/4)^m.
    """
    return math.floor(_width_for(n, doubt)) + 1


def scaled_width(width_ratio: float, n: int) -> int:
    """Width ⌈ratio · log(n/0.05) / log(4/3)⌉: at ratio 1 the union bound gives 0.95."""
    return max(1, math.ceil(width_ratio * _width_for(n, DOUBT)))


def half_width(n: int) -> float:
    """The width at which half the networks interpolate n data, half of them positive.

    The exact probability, made continuous in m by straight lines.
    """
    n_positive, m = n // 2, 1
    below = 0.0
    while (above := interpolation_probability(m, n_positive, n - n_positive)) < 0.5:
        below, m = above, m + 1
    return m - (above - 0.5) / (above - below)


def aligned_growth(norm2: float, target: float, n: int, times: Array) -> Array:
    """N = a² of one neuron with w ∝ y on its data, D = ‖y‖ there: N' = (2/n) N (D − N), at each time."""
    return target / (1.0 + (target / norm2 - 1.0) * np.exp(-2.0 * target * times / n))


def alignment(cosine: float, target: float, n: int, times: Array) -> Array:
    """Cosine of ∠(w, y) for one balanced neuron of negligible output: tanh(D t / n + artanh cos₀)."""
    cosines: Array = np.tanh(target * times / n + np.arctanh(cosine))
    return cosines


def _width_for(n: int, doubt: float) -> float:
    return math.log(n / doubt) / math.log(4.0 / 3.0)
