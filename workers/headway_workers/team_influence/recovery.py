"""What the constants a, r, g of the dynamics are, from reports.

`recovered` is the maximum-likelihood estimator of the simulator without stickiness; `one_step` the least
squares of one report on the one before, which predicts best where noise is in the reports, and for that
reason does not recover the constants.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from headway_workers.team_influence.dynamics import Dynamics, differentiation, perceived
from headway_workers.team_influence.features import Transitions
from headway_workers.team_influence.scores import HALF_A_PERCENT
from headway_workers.team_influence.teams import Array, Teams, running_correctness

BOOTSTRAPS = 4
ITERATIONS = 40
SETTLED = 2e-4
"""A step of the constants after which they stand: a tenth of a standard error on 300 teams or less."""
STEP = 1e-6
"""Of the difference quotients, in constants and in log-weights."""
FLOOR = 1e-4
"""Least influence in a logarithm, where the dynamics clip at 0."""


@dataclass(frozen=True)
class Recovered:
    """Estimates of (a, r, g), and their standard errors: the sandwich over teams' scores."""

    constants: Array
    standard_errors: Array


def one_step(rows: Transitions, shape: Dynamics) -> Dynamics:
    """a, r, g ≥ 0 of least ‖M(t+1) − M − a D − r (M(0) − M) − g (E − M)‖² over reports; η, κ, u and the
    memory are `shape`'s, and `rows` must have that memory.
    """
    E = perceived(rows.p, rows.confidence, shape.eta, shape.kappa, shape.u)
    moves = [differentiation(rows.prev, rows.p), rows.first - rows.prev, E - rows.prev]
    (a, r, g), _ = nnls(np.stack([move.ravel() for move in moves], axis=1), (rows.target - rows.prev).ravel())
    return replace(shape, a=float(a), r=float(r), g=float(g))


def recovered(teams: Teams, shape: Dynamics, *, rng: np.random.Generator) -> Recovered:
    """Maximum likelihood, corrected for its bias.

    A report's centred log-ratios are those of the true M(t) and normal noise, so that their sum of squares
    is the likelihood. Each team's M(0) is unknown too, and 300 unknown matrices bias the constants they
    share by about a standard error (incidental parameters). The bias is measured on `BOOTSTRAPS` sets of
    teams that are drawn from the fitted model, and taken off. Reported zeros count as half a percent.

    Raises:
        ArithmeticError: Gauss-Newton finds no way down from a = r = g = 0.2.
    """
    problem = _Trajectories(teams, shape)
    theta, weights = _fitted(problem, np.full(3, 0.2), problem.start())
    equations = problem.equations(theta, weights)
    noise = problem.noise(theta, weights)
    again = np.empty((BOOTSTRAPS, 3))
    for k in range(BOOTSTRAPS):
        again[k], _ = _fitted(problem.redrawn(theta, weights, noise, rng), theta, weights)
    bread = np.linalg.inv(equations.schur)
    # The measured bias has a sampling error of its own, that of a mean of BOOTSTRAPS estimates.
    covariance = bread @ (equations.scores.T @ equations.scores) @ bread * (1.0 + 1.0 / BOOTSTRAPS)
    return Recovered(2.0 * theta - again.mean(axis=0), np.sqrt(np.diag(covariance)))


def _fitted(problem: _Trajectories, theta: Array, weights: Array) -> tuple[Array, Array]:
    """Gauss-Newton with halved steps; the teams' own unknowns are eliminated from the normal equations."""
    loss = problem.loss(theta, weights)
    for _ in range(ITERATIONS):
        equations = problem.equations(theta, weights)
        move = np.linalg.solve(equations.schur, equations.scores.sum(axis=0))
        along = equations.of_weights(move)
        for size in 0.5 ** np.arange(12):
            tried, tried_weights = theta + size * move, weights + size * along
            tried_loss = problem.loss(tried, tried_weights)
            if tried_loss <= loss:
                break
        else:
            if np.abs(move).max() < SETTLED:
                break
            raise ArithmeticError("The likelihood of a, r, g has no maximum near here.")
        theta, weights, loss = tried, tried_weights, tried_loss
        if np.abs(move).max() < SETTLED:
            break
    return theta, weights


@dataclass(frozen=True)
class _Equations:
    """Normal equations with the teams' log-weights eliminated."""

    schur: Array
    """Shape (3, 3)."""
    scores: Array
    """Concentrated right-hand sides by team, shape (T, 3)."""
    own: Array
    """Each team's step at unchanged constants, shape (T, m)."""
    coupling: Array
    """How it follows the constants', shape (T, m, 3)."""

    def of_weights(self, move: Array) -> Array:
        step: Array = self.own - self.coupling @ move
        return step


class _Trajectories:
    """Residuals of all reports as functions of the constants and of each team's M(0)."""

    def __init__(self, teams: Teams, shape: Dynamics) -> None:
        self.shape = shape
        self.c = teams.confidence
        self.p = running_correctness(teams.correct, shape.memory)
        self.seen = _centred(np.log(np.maximum(teams.influence, HALF_A_PERCENT)))

    def start(self) -> Array:
        """The first reports' log-weights against each row's last entry, shape (T, n (n − 1))."""
        first = self.seen[:, 0]
        return (first[..., :-1] - first[..., -1:]).reshape(len(first), -1)

    def residuals(self, theta: Array, weights: Array) -> Array:
        """Shape (T, R n²)."""
        T, R, n, _ = self.seen.shape
        logits = np.concatenate([weights.reshape(T, n, n - 1), np.zeros((T, n, 1))], axis=-1)
        scaled = np.exp(logits - logits.max(axis=-1, keepdims=True))
        first = M = scaled / scaled.sum(axis=-1, keepdims=True)
        dynamics = replace(self.shape, a=theta[0], r=theta[1], g=theta[2])
        left = np.empty_like(self.seen)
        for issue in range(R):
            if issue > 0:
                M = dynamics.step(M, first, self.p[:, issue], self.c)
            left[:, issue] = self.seen[:, issue] - _centred(np.log(np.maximum(M, FLOOR)))
        return left.reshape(T, -1)

    def noise(self, theta: Array, weights: Array) -> float:
        """σ, the standard deviation of a log-weight."""
        T, R, n, _ = self.seen.shape
        return float(np.sqrt(self.loss(theta, weights) / (T * (R - 1) * n * (n - 1) - 3)))

    def redrawn(self, theta: Array, weights: Array, noise: float, rng: np.random.Generator) -> _Trajectories:
        """The same teams with other reports, from these constants and first matrices."""
        expected = self.seen - self.residuals(theta, weights).reshape(self.seen.shape)
        other = copy(self)
        other.seen = _centred(expected + noise * rng.standard_normal(expected.shape))
        return other

    def loss(self, theta: Array, weights: Array) -> float:
        return float(np.square(self.residuals(theta, weights)).sum())

    def equations(self, theta: Array, weights: Array) -> _Equations:
        """By central differences: the teams' own unknowns are moved in all teams at once."""
        left = self.residuals(theta, weights)

        def slope(of_theta: Array, of_weights: Array) -> Array:
            up = self.residuals(theta + of_theta, weights + of_weights)
            down = self.residuals(theta - of_theta, weights - of_weights)
            quotient: Array = (down - up) / (2.0 * STEP)
            return quotient

        m = weights.shape[1]
        A = np.stack([slope(one, np.zeros(m)) for one in STEP * np.eye(3)], axis=-1)
        B = np.stack([slope(np.zeros(3), one) for one in STEP * np.eye(m)], axis=-1)
        gram = B.mT @ B
        coupling = np.asarray(np.linalg.solve(gram, B.mT @ A), dtype=np.float64)
        own = np.asarray(np.linalg.solve(gram, B.mT @ left[..., None]), dtype=np.float64)[..., 0]
        projected = A - B @ coupling
        return _Equations(
            schur=(A.mT @ projected).sum(axis=0),
            scores=(projected.mT @ left[..., None])[..., 0],
            own=own,
            coupling=coupling,
        )


def _centred(logs: Array) -> Array:
    centred: Array = logs - logs.mean(axis=-1, keepdims=True)
    return centred
