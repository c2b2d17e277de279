"""Every predictor on the same transitions: the baselines, and two fits in cross-validation by team."""

from __future__ import annotations

import numpy as np

from headway_workers.team_influence import baselines
from headway_workers.team_influence.dynamics import Dynamics
from headway_workers.team_influence.features import Transitions
from headway_workers.team_influence.folds import by_team
from headway_workers.team_influence.predictors import Settings, predictions
from headway_workers.team_influence.recovery import one_step
from headway_workers.team_influence.teams import Array

CONVEX = Settings(
    "linear", Dynamics(0.0, 0.0, 0.0), ("prev", "first", "mean", "perf"), augmented=True, strength=0.01
)
"""A regression on past reports and correctness from the last report on: no dynamics."""


def compared(rows: Transitions, shape: Dynamics, rng: np.random.Generator) -> dict[str, Array]:
    """Predicted matrices of all rows, (N, n, n) by name; none was fitted to the team that it is for.

    `shape` has the η, κ, u and memory of the dynamics (our reconstruction) whose a, r, g are fitted.
    """
    average, dynamics, linear = (np.empty_like(rows.target) for _ in range(3))
    folds = by_team(rows.team, seed=0)
    for (train, test), corrected in zip(folds, predictions(CONVEX, rows, folds), strict=True):
        average[test] = rows.target[train].mean(axis=0)
        fit = one_step(rows.chosen(train), shape)
        dynamics[test] = fit.step(*(part[test] for part in (rows.prev, rows.first, rows.p, rows.confidence)))
        linear[test] = corrected
    return {
        "random": baselines.random(rows.prev, rng),
        "structural balance": baselines.structural_balance(rows.prev),
        "uniform": baselines.uniform(rows.prev),
        "average": average,
        "last": baselines.last(rows.prev),
        "reflected appraisal": baselines.reflected_appraisal(rows.prev, rows.p),
        "dynamics": dynamics,
        "linear": linear,
    }
