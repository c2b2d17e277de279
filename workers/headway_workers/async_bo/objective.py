"""The objective async-bo: tune the optimiser for the regret of a family of functions."""

from __future__ import annotations

import numpy as np

from headway.wire.base import Params
from headway.wire.space import Categorical, Float, Int, When
from headway.wire.study import Objective as Goal
from headway_workers.async_bo.measures import mean_log_regret, optimum_distance, redundancy
from headway_workers.async_bo.run import run
from headway_workers.async_bo.setting import Setting
from headway_workers.contract import (
    Evaluation,
    FidelityAxis,
    Metric,
    Objective,
    Report,
    overdue,
    silent,
)

WITH_BETA = ("ucb", "hallucinated-ucb", "local-penalisation")
RANDOMISED = ("rucb", "hallucinated-rucb")
STRATEGIES = (*WITH_BETA, *RANDOMISED, "thompson", "logei")
FUNCTIONS = 8
"""At full fidelity."""
AUDITED = 4
"""Functions that the optimiser never sees, at full fidelity alone."""


class AsyncBo(Objective):
    """Mean log10 regret of an asynchronous optimiser over functions drawn from a prior, eight workers.

    Every function comes with its own evaluation times and its own Sobol start, by the evaluation's seed;
    hyperparameters are fitted as the server fits them. One core: about 0.7 s a function.
    """

    name = "async-bo"
    summary = "Mean log10 regret of asynchronous Bayesian optimisation with eight workers, by its settings."
    parameters = (
        Categorical(STRATEGIES, name="strategy"),
        Float(0.1, 5.0, log=True, when=When("strategy", WITH_BETA), name="root_beta"),
        Float(0.01, 2.0, log=True, when=When("strategy", RANDOMISED), name="shift"),
        Float(0.3, 4.0, log=True, when=When("strategy", RANDOMISED), name="rate"),
        Int(4, 30, log=True, name="n_initial"),
    )
    goals = (Goal(name="log_regret", goal="minimize"),)
    fidelity = FidelityAxis("functions", 1, FUNCTIONS)
    data = "functions of two and five variables, drawn from a Gaussian process prior"

    def __init__(self, problem_seed: int = 0, workers: int = 8, evaluations: int = 60) -> None:
        self.problem_seed = problem_seed
        self.workers = workers
        self.evaluations = evaluations

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,
        fidelity: int | None = None,
        device: str = "cpu",  # noqa: ARG002 - studies of this size are computed on the processor
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """Runs over `fidelity` functions, a rung each; then over others, for the audit."""
        count = FUNCTIONS if fidelity is None else fidelity
        first = 1_000 * (self.problem_seed + 1) + 100 * (seed % 10_000)
        regrets, repeats, distances = [], [], []
        for k in range(count):
            if overdue(deadline):
                return Evaluation(status="timeout", reason=f"{k} of {count} functions were finished in time.")
            trace = run(self._setting(params, first + k, k))
            regrets.append(mean_log_regret(trace))
            repeats.append(redundancy(trace))
            distances.append(optimum_distance(trace))
            report(k + 1, float(np.mean(regrets)))
        metrics = {
            "redundancy": Metric(float(np.mean(repeats))),
            "optimum_distance": Metric(float(np.mean(distances))),
        }
        if fidelity is None:
            unseen = [run(self._setting(params, first + 50 + k, k)) for k in range(AUDITED)]
            metrics["log_regret_elsewhere"] = Metric(
                float(np.mean([mean_log_regret(trace) for trace in unseen])), "audit"
            )
        error = float(np.std(regrets, ddof=1) / np.sqrt(count)) if count > 1 else None
        return Evaluation(
            {"log_regret": float(np.mean(regrets))},
            noise={} if error is None else {"log_regret": error},
            metrics=metrics,
        )

    def _setting(self, params: Params, seed: int, k: int) -> Setting:
        strategy = str(params["strategy"])
        names = [name for name in ("root_beta", "shift", "rate", "n_initial") if name in params]
        return Setting(
            "gp2" if k % 2 == 0 else "gp5",
            strategy,
            self.workers,
            seed,
            self.evaluations,
            options={name: float(params[name]) for name in names},
        )
