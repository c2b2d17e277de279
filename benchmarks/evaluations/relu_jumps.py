"""Jump processes of a batch of networks, and the flow, beside loops over networks and over neurons."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.integrate import RK45

from benchmarks.evaluations.case import Case
from headway_workers.relu_jumps.flow import Flow, follow
from headway_workers.relu_jumps.jump import jump_process
from headway_workers.relu_jumps.problem import (
    Array,
    Patterns,
    Problem,
    Weights,
    draw_patterns,
    draw_problem,
    draw_weights,
)


def cases() -> Iterator[Case]:
    """A block of the objective, one large network, and a flow."""
    yield _jumps("256 jump processes, n = 64, m = 25", 64, 25, 256)
    yield _jumps("one jump process, n = 16384, m = 200", 16384, 200, 1)
    problem = draw_problem(32, seed=0, label_spread=1.0)
    weights = draw_weights((0,), 4, 23, 32)

    yield Case(
        "flow from ε = 1e-4, n = 32, m = 23",
        partial(_flow, problem, weights),
        partial(plain_flow, problem, weights, 1e-4),
        _apart,
    )


def _flow(problem: Problem, weights: Weights) -> float:
    return Flow(problem, np.sign(weights.a)).squared_norm(follow(problem, weights, -4.0).last)


def _jumps(name: str, n: int, m: int, networks: int) -> Case:
    problem, patterns = draw_problem(n, seed=0), draw_patterns((0,), range(networks), m, n)
    return Case(
        name,
        partial(_squared_norms, patterns, problem),
        partial(plain_jumps, patterns, problem),
        _apart,
    )


def _squared_norms(patterns: Patterns, problem: Problem) -> Array:
    return np.asarray(jump_process(patterns, problem).squared_norm)


def _apart(ours: Array, plain: Array) -> float:
    return float(np.max(np.abs(np.asarray(ours) / np.asarray(plain) - 1.0)))


def plain_jumps(patterns: Patterns, problem: Problem) -> Array:
    """Squared norms, network by network and neuron by neuron, as the process is written down."""
    n, norms = problem.n, []
    for output, active in zip(patterns.output, patterns.active, strict=True):
        sees = [active[j] & (problem.positive == output[j]) for j in range(len(output))]
        unfit, size, norm = np.ones(n, dtype=bool), np.zeros(len(output)), 0.0
        while True:
            rates = np.array([np.linalg.norm(problem.pull[seen & unfit]) for seen in sees]) / n
            growing = np.flatnonzero(rates)
            if not len(growing):
                break
            waits = (1.0 - size[growing]) / rates[growing]
            size += waits.min() * rates
            newly = sees[growing[waits.argmin()]] & unfit
            norm += 2.0 * float(np.linalg.norm(problem.cost[newly]))
            unfit &= ~newly
        norms.append(norm)
    return np.array(norms)


def plain_flow(problem: Problem, weights: Weights, eps: float) -> float:
    """Squared norm after gradient flow in the weights themselves, with the tolerances that ε asks for."""
    m, n = weights.w.shape

    def flow(_: float, state: Array) -> Array:
        a, u = state[:m], state[m:].reshape(m, n)
        r = problem.labels - a @ np.maximum(u, 0.0)
        change = np.concatenate([np.maximum(u, 0.0) @ r, (a[:, None] * r * (u > 0.0)).ravel()])
        return np.asarray(change / n, dtype=np.float64)

    solver = RK45(
        flow, 0.0, eps * np.concatenate([weights.a, weights.w.ravel()]), math.inf, rtol=1e-6, atol=1e-6 * eps
    )
    enough = 1e-10 * float(problem.labels @ problem.labels)
    while True:
        solver.step()
        a, u = solver.y[:m], solver.y[m:].reshape(m, n)
        r = problem.labels - a @ np.maximum(u, 0.0)
        if float(r @ r) <= enough:
            return float((a**2).sum() + (u**2).sum())
