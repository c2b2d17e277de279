"""The minimal norm by an optimiser that knows nothing of the closed form, for a handful of data."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from headway_workers.relu_jumps.problem import Array, Problem


def least_squared_norm(problem: Problem, m: int, *, starts: int, seed: int) -> float:
    """Least Σ_j (a_j² + ‖w_j‖²) under f(x_i) = y_i that SLSQP finds over a (m,) and w (m, n).

    The best of `starts` local minima whose residuals are below 1e-8: where a neuron's side of a datum is
    wrong at the start it often stays so, and the minimum is a worse one. Infinite where no start ends on
    an interpolator; about a second per hundred starts at n = 8, m = 4.
    """
    n = problem.n
    rng = np.random.default_rng(seed)

    def outputs(x: Array) -> tuple[Array, Array, Array]:
        a, u = x[:m], x[m:].reshape(m, n) * problem.norms
        relu = np.maximum(u, 0.0)
        return a, u, relu

    def residual(x: Array) -> Array:
        a, _, relu = outputs(x)
        r: Array = a @ relu - problem.labels
        return r

    def jacobian(x: Array) -> Array:
        a, u, relu = outputs(x)
        J = np.zeros((n, m + m * n))
        J[:, :m] = relu.T
        i = np.arange(n)
        for j in range(m):
            J[i, m + j * n + i] = a[j] * problem.norms * (u[j] > 0.0)
        return J

    best = np.inf
    for _ in range(starts):
        found = minimize(
            lambda x: float(x @ x),
            rng.standard_normal(m + m * n),
            jac=lambda x: 2.0 * x,
            constraints={"type": "eq", "fun": residual, "jac": jacobian},
            method="SLSQP",
            options={"maxiter": 300, "ftol": 1e-12},
        )
        if np.abs(residual(found.x)).max() < 1e-8:
            best = min(best, float(found.fun))
    return best
