"""Gradient flow at a finite scale ε of initialisation, through every plateau, in log-polar coordinates.

The flow of L in the weights, with r_i = y_i − f(x_i) and relu'(0) = 0, is

    a_j' = (1/n) Σ_i r_i relu(u_ji),        u_ji' = (c_i²/n) a_j r_i 1[u_ji > 0].

At ε = 1e-140 and below a solver that holds a and u loses them to its absolute tolerance, or to underflow,
and stops half-way without a sound. With s_j = sign a_j, which never changes, α_j = log |a_j| and
v_ji = u_ji / |a_j|, the same flow is

    α_j' = g_j,        v_ji' = s_j c_i² r_i 1[v_ji > 0] / n − v_ji g_j,                                (1)
    g_j = (s_j/n) Σ_i r_i relu(v_ji),        f(x_i) = Σ_j s_j exp(2 α_j) relu(v_ji),                   (2)

in which nothing is ever small (derived here; `checks.py` holds it against closed forms and the tests
against an integration of a and u). ε enters as an addition to α(0) alone and can be 10^-3000.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.integrate import RK45

from headway_workers.contract import overdue
from headway_workers.relu_jumps.problem import Array, Problem, Weights

LOG_OVERFLOW = 50.0
"""Cut of 2 α_j in trial steps that the error control rejects anyway, so that nothing in them overflows."""

WRONG_SIDE_ATOL = 1e-4
"""atol of the v_ji with s_j y_i < 0, which die. Each meets the kink at 0 once: an absolute tolerance of 1e-9
would find the spot to nine digits in some ten steps, and these crossings were nearly all of the work."""

CONVERGED = 1e-10
"""Where `follow` ends unless told otherwise. The squared norm is then off by about the root of it."""


class FlowFailed(ArithmeticError):
    """The integrator gave up."""


class OutOfTime(TimeoutError):
    """The deadline passed; the states that came before it can be continued."""


@dataclass(frozen=True)
class State:
    """A moment of one network's flow; all that is needed to continue it exactly.

    Integrating on from a state gives the very numbers of an integration that was never interrupted.
    """

    time: float
    alpha: Array
    """log |a_j|, shape (m,)."""
    v: Array
    """u_ji / |a_j|, shape (m, n)."""
    step: float | None = None
    """The step that the error control would take next; None lets it choose one."""

    @classmethod
    def initial(cls, weights: Weights, problem: Problem, log10_eps: float) -> State:
        """The weights times ε = 10^log10_eps at time 0."""
        size = np.abs(weights.a)
        alpha = np.log(size) + log10_eps * math.log(10.0)
        return cls(0.0, alpha, weights.w * problem.norms / size[:, None])


class Flow:
    """Equations (1) and (2) of one network on a problem, as the integrator sees them."""

    def __init__(self, problem: Problem, signs: Array) -> None:
        """`signs` are those of a_j, ±1, shape (m,)."""
        self.problem = problem
        self.signs = signs
        self._norms2 = problem.norms**2 / problem.n
        self._ceiling = 2.0 * problem.norms
        self._wrong_side = (signs[:, None] > 0.0) != problem.positive

    def residual(self, state: State) -> Array:
        """Residuals r = y − f, shape (n,)."""
        return self._residual(state.alpha, self._relu(state.v))

    def loss(self, state: State) -> float:
        """L = ‖r‖² / (2n)."""
        r = self.residual(state)
        return float(r @ r) / (2.0 * self.problem.n)

    def squared_norm(self, state: State) -> float:
        """Σ_j (a_j² + ‖w_j‖²)."""
        w2 = ((state.v / self.problem.norms) ** 2).sum(axis=1)
        return float(np.exp(2.0 * state.alpha) @ (1.0 + w2))

    def imbalance(self, state: State) -> Array:
        """a_j² − ‖w_j‖², shape (m,), which the flow conserves."""
        w2 = ((state.v / self.problem.norms) ** 2).sum(axis=1)
        imbalance: Array = np.exp(2.0 * state.alpha) * (1.0 - w2)
        return imbalance

    def states(
        self, start: State, *, rtol: float = 1e-6, atol: float = 1e-9, deadline: float | None = None
    ) -> Iterator[State]:
        """The state after each step of Dormand and Prince's method from `start` on, without an end.

        Explicit steps overshoot u = 0 a little and stay there, which is what relu'(0) = 0 asks for.

        Raises:
            FlowFailed: with scipy's words; they arrive as a status, and are easily overlooked.
            OutOfTime: the deadline, a reading of `time.monotonic()`, passed.
        """
        m = len(self.signs)
        y0 = np.concatenate([start.alpha, start.v.ravel()])
        tolerance = np.full(y0.shape, atol)
        tolerance[m:][self._wrong_side.ravel()] = max(atol, WRONG_SIDE_ATOL)
        solver = RK45(
            self._derivative, start.time, y0, math.inf, first_step=start.step, rtol=rtol, atol=tolerance
        )
        while True:
            if overdue(deadline):
                raise OutOfTime(f"Time was up at t = {solver.t:.6g}.")
            message = solver.step()
            if solver.status == "failed":
                raise FlowFailed(f"The integrator stopped at t = {solver.t:.6g}: {message}")
            yield State(solver.t, solver.y[:m].copy(), solver.y[m:].reshape(m, -1).copy(), solver.h_abs)

    def _relu(self, v: Array) -> Array:
        """relu(v); like 2 α_j cut in trial steps, since v_ji ≤ c_i wherever a_j² ≥ ‖w_j‖²."""
        relu: Array = np.minimum(np.maximum(v, 0.0), self._ceiling)
        return relu

    def _residual(self, alpha: Array, relu: Array) -> Array:
        output: Array = (self.signs * np.exp(np.minimum(2.0 * alpha, LOG_OVERFLOW))) @ relu
        return self.problem.labels - output

    def _derivative(self, _: float, y: Array) -> Array:
        m = len(self.signs)
        alpha, v = y[:m], y[m:].reshape(m, -1)
        relu = self._relu(v)
        r = self._residual(alpha, relu)
        growth = self.signs * (relu @ r) / self.problem.n
        out = np.empty_like(y)
        out[:m] = growth
        dv = out[m:].reshape(m, -1)
        np.multiply(self.signs[:, None], self._norms2 * r, out=dv)
        dv *= v > 0.0
        dv -= v * growth[:, None]
        return out


@dataclass(frozen=True)
class Path:
    """A network's flow until it fits all that it can, or to the horizon, at K steps of the integrator."""

    time: Array
    """Shape (K,)."""
    alpha: Array
    """log |a_j|, shape (K, m)."""
    loss: Array
    """Shape (K,)."""
    last: State
    converged: bool
    """Whether all that some neuron can fit was fitted before the horizon."""
    unfit: int
    """How many data no neuron can fit."""

    @property
    def interpolates(self) -> bool:
        """Whether the loss went to 0."""
        return self.converged and self.unfit == 0


def follow(
    problem: Problem,
    weights: Weights,
    log10_eps: float,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    converged_at: float = CONVERGED,
    deadline: float | None = None,
) -> Path:
    """Integrate from ε · weights until what can be fitted has a loss of `converged_at` times that of f = 0.

    The horizon is 4 times what the slowest datum, alone with one neuron, would need from ε to its label.

    Raises:
        FlowFailed: the integrator gave up.
        OutOfTime: the deadline passed.
    """
    signs = np.sign(weights.a)
    flow = Flow(problem, signs)
    fits = ((weights.w > 0.0) & ((signs[:, None] > 0.0) == problem.positive)).any(axis=0)
    state = State.initial(weights, problem, log10_eps)
    enough = converged_at * float(problem.labels @ problem.labels)
    growth = max(1.0, -float(state.alpha.min())) - math.log(converged_at)
    horizon = 4.0 * growth * problem.n / float(problem.pull.min())
    times, alphas, losses = [state.time], [state.alpha], [flow.loss(state)]
    converged = not fits.any()
    states = flow.states(state, rtol=rtol, atol=atol, deadline=deadline)
    while not converged and state.time < horizon:
        state = next(states)
        r = flow.residual(state)
        times.append(state.time)
        alphas.append(state.alpha)
        losses.append(float(r @ r) / (2.0 * problem.n))
        converged = float(r[fits] @ r[fits]) <= enough
    return Path(
        np.array(times), np.array(alphas), np.array(losses), state, converged, int(problem.n - fits.sum())
    )


def activations(path: Path) -> tuple[list[int], Array]:
    """Which neurons grew to a size of order 1, in the order of their activation, and when: (J,) each.

    A neuron counts from a_j² = 1e-3 at the end on, and activates where a_j² passes half of its last value,
    found by a straight line in α between steps.
    """
    awake = [int(j) for j in np.flatnonzero(2.0 * path.last.alpha > math.log(1e-3))]
    times = []
    for j in awake:
        threshold = path.alpha[-1, j] - 0.5 * math.log(2.0)
        k = int(np.argmax(path.alpha[:, j] >= threshold))
        lower, upper = path.alpha[k - 1, j], path.alpha[k, j]
        share = (threshold - lower) / (upper - lower) if k else 0.0
        times.append(path.time[max(k - 1, 0)] + share * (path.time[k] - path.time[max(k - 1, 0)]))
    order = np.argsort(times)
    return [awake[i] for i in order], np.array(times)[order]
