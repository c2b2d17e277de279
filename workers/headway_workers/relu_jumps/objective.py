"""The objective relu-jumps: how narrow a network interpolates, and how near to the minimal norm it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from headway.wire.base import Params
from headway.wire.space import Categorical, Float, When
from headway.wire.study import Objective as Goal
from headway_workers.contract import (
    Evaluation,
    FidelityAxis,
    Metric,
    Objective,
    Report,
    overdue,
    silent,
)
from headway_workers.relu_jumps.closed_forms import (
    interpolation_probability,
    minimal_squared_norm,
    scaled_width,
)
from headway_workers.relu_jumps.flow import Flow, FlowFailed, OutOfTime, State, follow
from headway_workers.relu_jumps.problem import (
    Initialisation,
    LabelLaw,
    Patterns,
    Problem,
    draw_patterns,
    draw_problem,
    draw_weights,
)

BLOCKS = 4
"""Rungs of an evaluation."""

NETWORKS = 64
"""Networks of a block, all of which count for `p_interp`."""

FLOWS = 1
"""How many networks of a block are integrated in mode `ode`: the first that can interpolate, a flow each."""

CONVERGED = 1e-8
"""Loss over the loss at 0 where a flow ends: the norm is then right to about 1e-4 of itself."""


LOG_10 = float(np.log(10.0))

_SUMMARIES: dict[str, Callable[[list[float]], float]] = {
    "n_jumps": lambda values: float(np.mean(values)),
    "tau_end": lambda values: float(np.mean(values)),  # the last activation
    "tau_fitted": lambda values: float(np.mean(values)),  # where a flow had nothing left to fit
    "final_loss": lambda values: float(np.mean(values)),
    "min_gap": min,
    "stuck": sum,
    "steps": sum,
    "balancedness_drift": max,
}
"""How the networks' figures make a metric."""


@dataclass
class _Tally:
    """What the networks so far have shown."""

    ratios: list[float] = field(default_factory=list)
    """Squared norm over the minimal one, of those that interpolate."""
    interpolating: int = 0
    networks: int = 0
    seen: dict[str, list[float]] = field(default_factory=dict)
    """What goes into the diagnostic metrics, by name."""

    def note(self, **values: float) -> None:
        for name, value in values.items():
            self.seen.setdefault(name, []).append(value)

    @property
    def p_interp(self) -> float:
        return self.interpolating / self.networks

    @property
    def p_error(self) -> float:
        """Standard deviation of the share's posterior under Jeffreys' prior: not 0 where all interpolate."""
        a, b = self.interpolating + 0.5, self.networks - self.interpolating + 0.5
        return float((a * b / (a + b + 1.0)) ** 0.5 / (a + b))


class ReluJumps(Objective):
    """Squared norm of trained ReLU networks over the minimal one, and their width; both minimised.

    n orthogonal data with labels are fixed by the problem's seed; the evaluation's seed draws the networks.
    Mode `jump` follows the limit of small initialisation, mode `ode` the gradient flow from a finite ε. A
    network counts for `norm_ratio` where it interpolates, and `p_interp`, the share that do, is to be 0.95
    or more: `closed_forms.interpolation_probability` says from which width on. Coordinates that are inactive
    have no gradient and none of the data interact, so who can interpolate does not depend on ε, and in mode
    `ode` all networks count for `p_interp` though only some are integrated.

    What the data are belongs to the problem and not to the space: the norm would be least for the labels
    that are easiest to fit. One core, n = 64: `jump` 0.05 s, `ode` 0.05 to 5 s, more the smaller ε.
    """

    name = "relu-jumps"
    summary = "Width and norm of ReLU networks that interpolate orthogonal data with probability 0.95."
    parameters = (
        Categorical(("jump", "ode"), name="mode"),
        Float(0.5, 4.0, log=True, name="width_ratio"),
        Float(1.0, 300.0, log=True, when=When("mode", ("ode",)), name="log10_inverse_eps"),
        Categorical(("balanced", "dominant_output"), when=When("mode", ("ode",)), name="init"),
    )
    goals = (Goal(name="norm_ratio", goal="minimize"), Goal(name="m", goal="minimize"))
    outcome_constraints = ("p_interp >= 0.95",)
    fidelity = FidelityAxis("blocks", 1, BLOCKS)
    data = "none: synthetic by construction"

    def __init__(
        self,
        problem_seed: int = 0,
        *,
        n: int = 64,
        law: LabelLaw = "rademacher",
        pos_fraction: float = 0.5,
        label_spread: float = 1.0,
        rtol: float = 1e-6,
    ) -> None:
        """`draw_problem` says what n, law, pos_fraction and label_spread are; rtol is the integrator's.

        A spread of 0 gives labels ±1, under which neurons tie in the limit and share in the flow.
        """
        self.problem_seed = problem_seed
        self.rtol = rtol
        self._draw: Callable[[], Problem] = lambda: draw_problem(
            n, seed=problem_seed, law=law, pos_fraction=pos_fraction, label_spread=label_spread
        )

    @cached_property
    def problem(self) -> Problem:
        """The data."""
        return self._draw()

    @cached_property
    def minimal(self) -> float:
        """Squared norm of the smallest interpolator."""
        return minimal_squared_norm(self.problem)

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,
        fidelity: int | None = None,
        device: str = "cpu",
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """`norm_ratio` and `m` over `fidelity` blocks of networks, 4 unless given; a rung after each.

        The jump process runs on `device`, the flow always on the processor.
        """
        n = self.problem.n
        m = scaled_width(float(params["width_ratio"]), n)
        tally = _Tally()
        for block in range(BLOCKS if fidelity is None else fidelity):
            if overdue(deadline):
                return Evaluation(status="timeout", reason=f"Time was up after {block} blocks of networks.")
            replicates = range(block * NETWORKS, (block + 1) * NETWORKS)
            patterns = draw_patterns((self.problem_seed, seed), replicates, m, n)
            tally.networks += NETWORKS
            try:
                if params["mode"] == "jump":
                    self._jump(tally, patterns, device)
                else:
                    self._flow(tally, patterns, params, seed=seed, block=block, deadline=deadline)
            except OutOfTime as error:
                return Evaluation(status="timeout", reason=f"{error} That is in block {block + 1}.")
            except FlowFailed as error:
                return Evaluation(status="solver_failed", reason=str(error))
            if tally.ratios:
                report(block + 1, float(np.mean(tally.ratios)))
        return self._concluded(tally, m)

    def _jump(self, tally: _Tally, patterns: Patterns, device: str) -> None:
        from headway_workers.relu_jumps.jump import jump_process  # torch, which mode `ode` does not need

        jumps = jump_process(patterns, self.problem, device)
        whole = jumps.interpolates
        tally.interpolating += int(whole.sum())
        tally.ratios += (jumps.squared_norm[whole] / self.minimal).tolist()
        for gap, n_jumps, tau_end, loss in zip(
            jumps.min_gap.tolist(),
            jumps.count.tolist(),
            jumps.tau_end.tolist(),
            jumps.loss[:, -1].tolist(),
            strict=True,
        ):
            tally.note(n_jumps=n_jumps, tau_end=tau_end, final_loss=loss)
            if gap < np.inf:
                tally.note(min_gap=gap)

    def _flow(
        self,
        tally: _Tally,
        patterns: Patterns,
        params: Params,
        *,
        seed: int,
        block: int,
        deadline: float | None,
    ) -> None:
        able = np.flatnonzero(patterns.interpolates(self.problem))
        tally.interpolating += len(able)
        log10_inverse_eps = float(params["log10_inverse_eps"])
        init: Initialisation = "balanced" if params["init"] == "balanced" else "dominant_output"
        m, n = patterns.active.shape[1:]
        for row in able[:FLOWS]:
            replicate = block * NETWORKS + int(row)
            weights = draw_weights((self.problem_seed, seed), replicate, m, n, init)
            path = follow(
                self.problem,
                weights,
                -log10_inverse_eps,
                rtol=self.rtol,
                converged_at=CONVERGED,
                deadline=deadline,
            )
            flow = Flow(self.problem, np.sign(weights.a))
            if path.interpolates:
                tally.ratios.append(flow.squared_norm(path.last) / self.minimal)
            start = State.initial(weights, self.problem, -log10_inverse_eps)
            drift = np.abs(flow.imbalance(path.last) - flow.imbalance(start)).max()
            tally.note(
                stuck=float(not path.interpolates),
                steps=len(path.time) - 1,
                tau_fitted=path.last.time / (log10_inverse_eps * LOG_10),
                final_loss=path.loss[-1],
                balancedness_drift=float(drift),
            )

    def _concluded(self, tally: _Tally, m: int) -> Evaluation:
        positive = int(self.problem.positive.sum())
        exact = interpolation_probability(m, positive, self.problem.n - positive)
        metrics = {name: Metric(float(_SUMMARIES[name](values))) for name, values in tally.seen.items()}
        metrics["p_interp_exact"] = Metric(exact)
        if not tally.ratios:
            return Evaluation(
                status="infeasible",
                reason=f"None of {tally.networks} networks of width {m} interpolates {self.problem.n} data.",
                metrics=metrics,
            )
        noise = {"p_interp": tally.p_error}
        if len(tally.ratios) > 1:
            noise["norm_ratio"] = float(np.std(tally.ratios, ddof=1)) / len(tally.ratios) ** 0.5
        return Evaluation(
            objectives={"norm_ratio": float(np.mean(tally.ratios)), "m": float(m)},
            noise=noise,
            constraints={"p_interp": tally.p_interp},
            metrics=metrics,
        )
