"""Pest control: which pesticide, if any, to use at each of 25 stages.

Defined by the COMBO problem set: Oh, Tomczak, Gavves and Welling 2019, "Combinatorial Bayesian optimization
using the graph Cartesian product" (NeurIPS), in the code its authors released (`PestControl`, after whose
dynamics and constants this is written). There every evaluation draws 100 new simulations; here a seed
draws them once, as random numbers that all policies share, so that the cost is a function of the policy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headway_workers.async_bo.functions import Array

Policies = npt.NDArray[np.intp]

STAGES = 25
CHOICES = 5
"""0: no control; 1 to 4: one of four pesticides."""
SIMULATIONS = 100
THRESHOLD = 0.1
"""Share of the crop infested, above which a stage costs 1."""
INITIAL = 30.0
"""The share infested at the first stage follows Beta(1, 30)."""
SPREAD = 17.0 / 3.0
"""Without control a Beta(1, 17/3) share of what is healthy is infested by the next stage."""
RESISTANCE = np.array([np.inf, 2.0, 3.0, 3.0, 5.0]) / 7.0
"""With pesticide k a Beta(1, b) share of what is infested is cured, b = RESISTANCE[k] at its first use."""
TOLERANCE = np.array([0.0, 1.0, 2.5, 2.0, 0.5]) / 7.0
"""And TOLERANCE[k] / STAGES more at each use: pests become tolerant."""
PRICE = np.array([0.0, 1.0, 0.8, 0.7, 0.5])
"""Of one use."""
DISCOUNT = np.array([0.0, 0.2, 0.3, 0.3, 0.0])
"""Largest share of the price that is let off; it grows with the uses of one pesticide, up to all stages."""


@dataclass(frozen=True)
class PestControl:
    """The simulations. All laws are Beta(1, b), whose quantile at u is 1 − (1 − u)^{1/b}."""

    initial: Array
    """(simulations,): share infested at the first stage."""
    healthy: Array
    """(stages, simulations): share of the healthy that stays so without control."""
    log_left: Array
    """(stages, simulations): b times the log of the share of the infested that pesticides leave so."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, simulations: int = SIMULATIONS) -> PestControl:
        """Of 25 stages."""
        u, v, w = (rng.random((stages, simulations)) for stages in (1, STAGES, STAGES))
        return cls(1.0 - (1.0 - u[0]) ** (1.0 / INITIAL), (1.0 - v) ** (1.0 / SPREAD), np.log1p(-w))

    def costs(self, policies: Policies) -> Array:
        """Price and mean number of stages above the threshold: (p, stages) choices to (p,)."""
        everyone = np.arange(len(policies))
        uses = np.stack([(policies == k).sum(axis=1) for k in range(CHOICES)], axis=1)
        price = (uses * PRICE * (1.0 - DISCOUNT * uses / STAGES)).sum(axis=1)
        resistance = np.tile(RESISTANCE, (len(policies), 1))
        infested = np.tile(self.initial, (len(policies), 1))
        above = np.zeros(len(policies))
        for choice, healthy, log_left in zip(policies.T, self.healthy, self.log_left, strict=True):
            above += (infested > THRESHOLD).mean(axis=1)
            treated = np.exp(log_left / resistance[everyone, choice][:, None]) * infested
            spread = 1.0 - (1.0 - infested) * healthy
            infested = np.where(choice[:, None] > 0, treated, spread)
            resistance[everyone, choice] += TOLERANCE[choice] / STAGES
        return np.asarray(price + above)

    def best_known(self) -> tuple[Policies, float]:
        """The best policy (stages,) that descents from the constant ones find, and its cost.

        That none is better is not proved. A descent takes the best of all changes of one stage and all
        exchanges of two, as long as that helps.
        """
        found = [self.descend(np.full(STAGES, choice, dtype=np.intp)) for choice in range(CHOICES)]
        return min(found, key=lambda one: one[1])

    def descend(self, policy: Policies) -> tuple[Policies, float]:
        """Where a descent from a policy ends, and its cost."""
        cost = float(self.costs(policy[None])[0])
        while True:
            near = _neighbours(policy)
            costs = self.costs(near)
            best = int(costs.argmin())
            if costs[best] >= cost:
                return policy, cost
            policy, cost = near[best], float(costs[best])


def _neighbours(policy: Policies) -> Policies:
    """All policies with one stage changed or two exchanged: (n, stages)."""
    stage, other = np.divmod(np.arange(STAGES * (CHOICES - 1)), CHOICES - 1)
    changed = np.tile(policy, (len(stage), 1))
    changed[np.arange(len(stage)), stage] = (policy[stage] + 1 + other) % CHOICES
    one, two = np.triu_indices(STAGES, 1)
    differ = policy[one] != policy[two]
    one, two = one[differ], two[differ]
    exchanged = np.tile(policy, (len(one), 1))
    exchanged[np.arange(len(one)), one] = policy[two]
    exchanged[np.arange(len(one)), two] = policy[one]
    return np.concatenate([changed, exchanged])
