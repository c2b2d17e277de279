"""The search-aware p of a whole campaign: would it have found as much, had the outcomes meant nothing?

T is the best cross-validated C of a campaign. The null runs the whole campaign again, with the optimizer, the
budget and the workers of the first, on R permutations of the outcomes over the patients:

    p_search = (1 + #{T* ≥ T})/(R + 1)

(Westfall & Young 1993, maxT; White 2000, the reality check). To hold the first campaign's own trials against
permuted outcomes is cheaper, and right for a search that would have gone the same way whatever it saw. An
adaptive one would have gone elsewhere: that design is labelled `fixed_path`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from headway.wire.base import Params
from headway.wire.study import DEFAULT_STRATEGY
from headway_server.domain.space import SearchSpace
from headway_server.engine.optimizer import Optimizer
from headway_workers.async_bo.simulator import Completion, durations, simulate
from headway_workers.signature_audit.objective import Inapplicable, SignatureAudit, recipe_of
from headway_workers.signature_audit.survival import Array, Survival
from headway_workers.statistics.p_values import PValue, monte_carlo

LAW = "exponential"
"""Of the simulated time that an evaluation takes; campaign and re-runs have the same times."""


@dataclass(frozen=True)
class Plan:
    """How a campaign searches: the same for the first and for every re-run."""

    strategy: str = DEFAULT_STRATEGY
    budget: int = SignatureAudit.budget
    workers: int = 4
    """Evaluations at once, on a simulated clock."""
    seed: int = 0


@dataclass(frozen=True)
class SearchNull:
    """A campaign's best beside that of its re-runs on permuted outcomes."""

    best: float
    """T: the largest cross-validated C."""
    at: Params
    """Where."""
    infeasible: int
    """Trials of the campaign without a value."""
    re_runs: Array
    """T* of every re-run, shape (R,)."""
    search: PValue
    replays: Array
    """Best of the campaign's own trials on the same permutations, shape (R,)."""
    fixed_path: PValue


class NothingFound(ValueError):
    """No trial of the campaign has a value."""


def search_null(
    problem: SignatureAudit,
    plan: Plan,
    re_runs: int,
    *,
    device: str = "cpu",
    told: Callable[[int, float], None] = lambda _, __: None,
) -> SearchNull:
    """Run the campaign, and R times again on permuted outcomes. A re-run without any value has T* = ½.

    Args:
        problem: the cohort and its folds; the permutations are its seed's and the plan's.
        plan: how each campaign searches.
        re_runs: R.
        device: where concordances are computed.
        told: called with the number of each re-run, from 1, and its T*.

    Raises:
        ValueError: there are to be no re-runs.
        NothingFound: nothing to compare with them.
    """
    if re_runs < 1:
        raise ValueError(f"re_runs = {re_runs}: a p-value needs at least one.")
    survival = problem.patients[0].survival
    done = campaign(problem, plan, survival, device)
    valued = [one for one in done if math.isfinite(one.value)]
    if not valued:
        raise NothingFound(
            f"None of {len(done)} trials has a value: give a larger budget, or another cohort."
        )
    best = max(valued, key=lambda one: one.value)
    rng = np.random.default_rng([problem.problem_seed, plan.seed, 66])
    dealt = [survival[rng.permutation(len(survival))] for _ in range(re_runs)]
    found = []
    for number, outcomes in enumerate(dealt, start=1):
        values = [one.value for one in campaign(problem, plan, outcomes, device)]
        found.append(max((value for value in values if math.isfinite(value)), default=0.5))
        told(number, found[-1])
    replays = np.full(re_runs, -np.inf)
    for one in valued:  # a trial's folds are prepared once, and serve all permutations
        folds = problem.folds(recipe_of(one.point), device)
        again = [float(np.mean(folds.concordances(outcomes))) for outcomes in dealt]
        replays = np.maximum(replays, again)
    return SearchNull(
        best.value,
        best.point,
        len(done) - len(valued),
        np.array(found),
        monte_carlo(np.array(found), best.value),
        replays,
        monte_carlo(replays, best.value),
    )


def campaign(
    problem: SignatureAudit, plan: Plan, survival: Survival, device: str = "cpu"
) -> list[Completion[Params]]:
    """One campaign on these outcomes of the search's patients; an infeasible trial's value is infinite."""
    search = _Search(problem, plan, survival, device)
    return simulate(search, search.evaluate, durations(LAW, plan.seed, plan.budget), plan.workers)


class _Search:
    """The engine, as the service asks it, and the objective without its audit's part."""

    def __init__(self, problem: SignatureAudit, plan: Plan, survival: Survival, device: str) -> None:
        self._problem, self._survival, self._device = problem, survival, device
        space = SearchSpace.from_wire(problem.definition().space)
        self._optimizer = Optimizer(space, strategy=plan.strategy, seed=plan.seed, maximize=True)
        self._errors: dict[int, float] = {}

    def evaluate(self, number: int, point: Params) -> float:
        """Mean C over the folds."""
        try:
            parts = self._problem.folds(recipe_of(point), self._device).concordances(self._survival)
        except Inapplicable:
            return math.inf
        self._errors[number] = float(np.std(parts, ddof=1)) / len(parts) ** 0.5
        return float(np.mean(parts))

    def ask(self, number: int, pending: Mapping[int, Params]) -> Params:
        """The engine's next point."""
        return self._optimizer.ask(list(pending.values()), number=number).params

    def tell(self, number: int, point: Params, value: float) -> None:
        """A result, or that there is none."""
        if math.isfinite(value):
            self._optimizer.tell(point, value, self._errors[number])
        else:
            self._optimizer.tell_infeasible(point)
