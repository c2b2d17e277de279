"""A whole study of one objective in one process: the engine asks, the objective answers."""

from __future__ import annotations

from dataclasses import dataclass

from headway.wire.base import Params
from headway_server.domain.space import SearchSpace
from headway_server.engine import Optimizer
from headway_workers.contract import Evaluation, Objective


@dataclass(frozen=True)
class Trial:
    """One evaluation of a campaign."""

    params: Params
    evaluation: Evaluation


def campaign(objective: Objective, evaluations: int, seed: int) -> list[Trial]:
    """So many evaluations of an objective with one goal, each at the engine's next point.

    A point that diverges, or can't be evaluated, is told as infeasible.
    """
    (goal,) = objective.goals
    space = SearchSpace.from_wire(objective.definition().space)
    optimizer = Optimizer(space, seed=seed, maximize=goal.goal == "maximize")
    trials = []
    for _ in range(evaluations):
        params = optimizer.ask().params
        evaluation = objective.evaluate(params, seed=seed)
        if evaluation.status == "ok":
            optimizer.tell(params, evaluation.objectives[goal.name])
        else:
            optimizer.tell_infeasible(params)
        trials.append(Trial(params, evaluation))
    return trials


def best(objective: Objective, trials: list[Trial]) -> Trial:
    """The trial with the best value; needs one that went well."""
    (goal,) = objective.goals
    sign = -1.0 if goal.goal == "maximize" else 1.0
    good = [trial for trial in trials if trial.evaluation.status == "ok"]
    return min(good, key=lambda trial: sign * trial.evaluation.objectives[goal.name])
