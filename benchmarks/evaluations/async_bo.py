"""Pest control over a neighbourhood of policies, beside a loop over policies and stages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.evaluations.case import Case
from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.pest_control import (
    CHOICES,
    DISCOUNT,
    PRICE,
    RESISTANCE,
    STAGES,
    THRESHOLD,
    TOLERANCE,
    PestControl,
    Policies,
)


def cases() -> Iterator[Case]:
    """As many policies as one step of a descent looks at."""
    rng = np.random.default_rng(0)
    task, policies = PestControl.drawn(rng), rng.integers(0, CHOICES, (400, STAGES))
    yield Case(
        "async-bo: pest control, 400 policies, 100 simulations",
        partial(task.costs, policies),
        partial(plain_costs, task, policies),
        lambda ours, plain: float(np.max(np.abs(ours / plain - 1.0))),
    )


def plain_costs(task: PestControl, policies: Policies) -> Array:
    """Policy by policy and stage by stage, over the same random numbers."""
    costs = []
    for policy in policies:
        resistance, infested, cost = RESISTANCE.copy(), task.initial, 0.0
        for stage, choice in enumerate(policy):
            cost += float(np.mean(infested > THRESHOLD))
            if choice > 0:
                infested = infested * np.exp(task.log_left[stage] / resistance[choice])
                resistance[choice] += TOLERANCE[choice] / STAGES
                cost += PRICE[choice] * (1.0 - DISCOUNT[choice] / STAGES * np.sum(policy == choice))
            else:
                infested = infested + (1.0 - infested) * (1.0 - task.healthy[stage])
        costs.append(cost)
    return np.array(costs)
