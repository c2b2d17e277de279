"""What soup-preference is held to: closed forms, its own exact value, and what a campaign gains."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from headway.wire.study import DEFAULT_STRATEGY
from headway_workers.contract import Check
from headway_workers.rewarded_soups.preference.campaign import Search, quadratic_optimum, users_search
from headway_workers.rewarded_soups.preference.objective import COMPONENTS, SAMPLES, SoupPreference
from headway_workers.rewarded_soups.preference.user import GROUPS, Array, grid

PARTS = 10
"""The grid that a campaign is compared with has weights in tenths: 286 mixtures, each known exactly."""
PROBLEMS = range(6)
EVALUATIONS = 40


def checks() -> Iterator[Check]:
    """Everything, quickest first; about a minute on one core."""
    objective = SoupPreference()
    yield corners(objective)
    yield from sampling(objective)
    yield from quadratic()
    yield from campaigns()


def corners(objective: SoupPreference) -> Check:
    """A corner of the simplex is one network: its answers are that network's, image by image."""
    user = objective.user()
    apart = 0.0
    for weights, network in zip(np.eye(GROUPS).tolist(), user.networks, strict=True):
        apart = max(apart, float(np.abs(user.right(weights) - user.right_of(network)).max()))
    return Check("corners against the networks themselves, largest difference", 0.0, apart, 0.0)


def sampling(objective: SoupPreference, seeds: range = range(300)) -> Iterator[Check]:
    """Shares of single evaluations against the exact worth; their scatter against the error they state."""
    weights = [0.4, 0.3, 0.2, 0.1]
    point = dict(zip(COMPONENTS, weights, strict=True))
    found = [objective.evaluate(dict(point), seed=seed) for seed in seeds]
    shares = np.array([one.objectives["satisfied"] for one in found])
    worth = objective.user().worth(weights, audit=False)
    off = float((shares.mean() - worth) / (shares.std(ddof=1) / len(shares) ** 0.5))
    yield Check("mean of samples against the exact worth, standard errors", 0.0, off, 4.0)
    stated = float(np.mean([one.noise["satisfied"] for one in found]))
    # The scatter of 300 shares is known to 4 %.
    scatter = float(shares.std(ddof=1)) / stated
    yield Check(f"scatter of samples of {SAMPLES} / the error stated", 1.0, scatter, 0.16)


def quadratic(evaluations: int = 40) -> Iterator[Check]:
    """The engine on a simplex whose optimum is known: four quadratic rewards without noise.

    In units of what the even mixture lacks.
    """
    rng = np.random.default_rng(5)
    corners = rng.standard_normal((GROUPS, 3 * GROUPS))
    preference, curvatures = rng.dirichlet(np.ones(GROUPS)), rng.uniform(0.5, 2.0, GROUPS)

    def value(weights: Array) -> float:
        away = ((weights @ corners - corners) ** 2).sum(axis=1)
        return float(-(preference * curvatures) @ away)

    made = Search(COMPONENTS, lambda weights, _: (value(np.array(weights)), None), seed=0)
    for _ in range(evaluations):
        made.step()
    optimum = quadratic_optimum(preference, curvatures)
    best, even = value(optimum), value(np.full(GROUPS, 1.0 / GROUPS))
    lacking = (best - value(np.array(made.incumbent()))) / (best - even)
    yield Check("quadratic rewards: best of a grid less the closed form, ≤ 0", -0.5, _above(value, best), 0.5)
    yield Check(f"quadratic rewards: gap after {evaluations} evaluations", 0.0, lacking, 0.02)


def campaigns(problems: range = PROBLEMS, evaluations: int = EVALUATIONS) -> Iterator[Check]:
    """What the weights that a campaign finds are worth, on images that it never saw, a problem a user."""
    ours: list[float] = []
    random: list[float] = []
    single, even, best = [], [], []
    for problem in problems:
        objective = SoupPreference(problem)
        user = objective.user()
        for strategy, found in ((DEFAULT_STRATEGY, ours), ("random", random)):
            made = users_search(objective, evaluations, problem, strategy)
            found.append(user.worth(made.incumbent(), audit=True))
        single.append(max(user.worth(corner, audit=True) for corner in np.eye(GROUPS).tolist()))
        even.append(user.worth([1.0 / GROUPS] * GROUPS, audit=True))
        best.append(max(user.worth(weights, audit=True) for weights in grid(PARTS).tolist()))
    users = f"{len(problems)} users"
    short = float(np.mean(np.array(best) - ours))
    # A third of what the even mixture lacks.
    yield Check(f"{users}: worth that a campaign lacks to the best of a grid", 0.0, short, 0.01)
    for name, others in (
        ("random search", random),
        ("the even mixture", even),
        ("the best single network", single),
    ):
        apart = np.array(ours) - others
        error = apart.std(ddof=1) / len(apart) ** 0.5
        yield Check(f"{users}: campaign less {name} (± {error:.4f})", 0.0, float(apart.mean()), None)


def _above(value: Callable[[Array], float], best: float) -> float:
    """How far the best of 286 mixtures lies above a value, in units of their spread."""
    values = np.array([value(weights) for weights in grid(PARTS)])
    return float((values.max() - best) / values.std())
