"""The objective soup-preference: find the mixture of networks that a user likes, from noisy samples."""

from __future__ import annotations

from functools import cache

import numpy as np

from headway.wire.base import Params
from headway.wire.space import Simplex
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
from headway_workers.rewarded_soups.preference.user import GROUPS, User

COMPONENTS = tuple(f"group_{k}" for k in range(GROUPS))
SAMPLES = 400
"""Answers of one evaluation: a standard error of 0.017 where nine of ten please."""
RUNGS = (50, 100, 200, 400, 800)


class SoupPreference(Objective):
    """Share of a soup's answers that a user with a hidden preference is satisfied with.

    The weights of four fine-tuned networks are the space: a simplex. Each evaluation draws its digits and
    answers by its own seed, and has the standard error of a share. The problem's seed sets networks and
    preference. One core: milliseconds, after the fine-tunes of some seconds.
    """

    name = "soup-preference"
    summary = "Weights of four fine-tuned networks' soup, for a user whose preference is hidden."
    parameters = (Simplex(COMPONENTS, name="weights"),)
    goals = (Goal(name="satisfied", goal="maximize"),)
    fidelity = FidelityAxis("samples", 50, 800)
    data = "sklearn.datasets.load_digits, which is part of scikit-learn"
    budget = 40

    def __init__(self, problem_seed: int = 0) -> None:
        self.problem_seed = problem_seed

    def user(self, device: str = "cpu") -> User:
        """The user of this problem, with the networks; one a device."""
        return _user(self.problem_seed, device)

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
        """The share of `fidelity` answers, 400 unless given, that please; at a rung, the share so far."""
        if overdue(deadline):
            return Evaluation(status="timeout", reason="Time was up before the first answer.")
        weights = weights_of(params)
        user, count = self.user(device), fidelity or SAMPLES
        pleased = user.satisfied(weights, count, seed)
        for rung in (*(one for one in RUNGS if one < count), count):
            report(rung, float(pleased[:rung].mean()))
        share = float(pleased.mean())
        # Of (s + 1)/(n + 2), Laplace's estimate: all or none of few answers leaves an error too.
        shrunk = (float(pleased.sum()) + 1.0) / (count + 2.0)
        return Evaluation(
            objectives={"satisfied": share},
            noise={"satisfied": float(np.sqrt(shrunk * (1.0 - shrunk) / count))},
            metrics={"worth": Metric(user.worth(weights, audit=True), "audit")},
        )


def weights_of(params: Params) -> list[float]:
    """λ of a point, to a sum of 1 without the space's tolerance: (4,)."""
    weights = np.array([float(params[name]) for name in COMPONENTS])
    return [float(weight) for weight in weights / weights.sum()]


@cache
def _user(seed: int, device: str) -> User:
    return User(seed, device)
