"""The same mathematics written down plainly, by loops and in the weights themselves."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from scipy.integrate import solve_ivp

from headway_workers.relu_jumps.problem import Array, Patterns, Problem, Weights


def jump_list(patterns: Patterns, network: int, problem: Problem) -> list[tuple[float, int, int, float]]:
    """(τ, neuron, newly fitted, mass) of each jump of one network, with sets and loops."""
    m, n = patterns.active.shape[1:]
    sees = [
        {
            i
            for i in range(n)
            if patterns.active[network, j, i]
            and bool(patterns.output[network, j]) == bool(problem.labels[i] > 0)
        }
        for j in range(m)
    ]
    unfit, size, tau = set(range(n)), [0.0] * m, 0.0
    jumps: list[tuple[float, int, int, float]] = []
    while True:
        rates = [
            math.sqrt(sum((problem.labels[i] * problem.norms[i]) ** 2 for i in sees[j] & unfit)) / n
            for j in range(m)
        ]
        waits = {j: (1.0 - size[j]) / rates[j] for j in range(m) if rates[j] > 0}
        if not waits:
            return jumps
        k = min(waits, key=lambda j: waits[j])
        step = waits[k]
        tau += step
        size = [size[j] + rates[j] * step for j in range(m)]
        newly = sees[k] & unfit
        mass = math.sqrt(sum((problem.labels[i] / problem.norms[i]) ** 2 for i in newly))
        jumps.append((tau, k, len(newly), mass))
        unfit -= newly


def final_weights(problem: Problem, weights: Weights, eps: float, until: float) -> tuple[Array, Array]:
    """a (m,) and w (m, n) after gradient flow in these very coordinates, by scipy's DOP853.

    The gradient is that of L as one writes it for data X (rows) and any inputs, orthogonal or not.
    """
    m, n = weights.w.shape
    X = np.diag(problem.norms)

    def flow(_: float, state: Array) -> Array:
        a, W = state[:m], state[m:].reshape(m, n)
        U = X @ W.T
        r = problem.labels - np.maximum(U, 0.0) @ a
        grad_a = -np.maximum(U, 0.0).T @ r / n
        grad_W = -((U > 0.0) * r[:, None] * a).T @ X / n
        return -np.concatenate([grad_a, grad_W.ravel()])

    start = eps * np.concatenate([weights.a, weights.w.ravel()])
    done = solve_ivp(flow, (0.0, until), start, method="DOP853", rtol=1e-8, atol=1e-10)
    assert done.success
    assert done.t[-1] == until
    return done.y[:m, -1], done.y[m:, -1].reshape(m, n)


def probability_by_enumeration(m: int, n_positive: int, n_negative: int) -> float:
    """P(every datum lies in some A_j), by all signs of a and all activation patterns."""
    n = n_positive + n_negative
    hits = 0
    for signs in product((False, True), repeat=m):
        for bits in product((False, True), repeat=m * n):
            hits += all(
                any(bits[j * n + i] and signs[j] == (i < n_positive) for j in range(m)) for i in range(n)
            )
    return float(hits / 2 ** (m + m * n))
