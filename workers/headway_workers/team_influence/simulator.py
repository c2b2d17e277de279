"""Teams that never were: the stand-in for the paper's data, which are not public.

Per team: skills s_i ~ Beta(6, 6); confidence c_i = s_i + noise; each question is answered rightly with
probability s_i; M(0) has Dirichlet rows about a uniform matrix with some self-weight; M(t) follows the
dynamics of `dynamics.py` (our reconstruction). What is reported of it is

    Π[ M(t) ∘ exp(σ ε) ] in whole percent,        ε ~ N(0, 1) per entry,

but for the rows of members that leave their last report as it is, each with probability `sticky`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from headway_workers.team_influence.dynamics import Dynamics, project
from headway_workers.team_influence.messages import talk
from headway_workers.team_influence.teams import Array, running_correctness
from headway_workers.team_influence.transcripts import Transcripts


@dataclass(frozen=True)
class Simulation:
    """What a population of teams is like.

    The defaults are the best of a random search for the errors of five baselines on the paper's real data
    (`docs/workloads/team_influence.md` has both); η, κ and the confidence's noise, which that search left
    open, are from a second one of ours.
    """

    dynamics: Dynamics = field(
        default_factory=lambda: Dynamics(a=0.25, r=0.09, g=0.35, eta=1.4, kappa=0.5, u=0.93)
    )
    skill: float = 6.0
    """Both parameters of the Beta distribution of skill."""
    confidence_noise: float = 0.15
    """Standard deviation of confidence about skill."""
    noise: float = 0.091
    """Standard deviation of a report of 1/n, so that σ = n · noise."""
    concentration: float = 11.0
    """Of the Dirichlet rows of M(0)."""
    self_weight: float = 0.085
    """By how much a member's first report favours itself."""
    sticky: float = 0.44
    """Probability that a member leaves its row as it was."""
    percent: bool = True
    """Whether reports are whole percentages."""
    members: int = 4
    issues: int = 9
    questions: int = 5
    """Per issue."""


def simulate(
    simulation: Simulation, teams: int, rng: np.random.Generator, *, messages: bool = True
) -> Transcripts:
    """So many independent teams; without `messages` nobody says anything, which is much faster."""
    n, R = simulation.members, simulation.issues
    skill = rng.beta(simulation.skill, simulation.skill, (teams, n))
    confidence = skill + simulation.confidence_noise * rng.standard_normal((teams, n))
    answers = rng.random((teams, R * simulation.questions, n)) < skill[:, None, :]
    correct = answers.reshape(teams, R, simulation.questions, n).mean(axis=2)
    influence = _reports(simulation, correct, confidence, rng)
    said = talk(confidence, answers.shape[1], rng) if messages else ()
    return Transcripts(influence, answers, confidence, said)


def whole_percentages(M: Array) -> Array:
    """Rows of M in whole percent that still sum to 1: the largest remainders are rounded up."""
    floor = np.floor(100.0 * M)
    missing = 100.0 - floor.sum(axis=-1, keepdims=True)
    order = np.argsort(np.argsort(floor - 100.0 * M, axis=-1, kind="stable"), axis=-1, kind="stable")
    rounded: Array = (floor + (order < np.round(missing))) / 100.0
    return rounded


def _reports(simulation: Simulation, correct: Array, c: Array, rng: np.random.Generator) -> Array:
    teams, R, n = correct.shape
    p = running_correctness(correct, simulation.dynamics.memory)
    centre = (1.0 - simulation.self_weight) / n + simulation.self_weight * np.eye(n)
    first = M = project(rng.standard_gamma(simulation.concentration * centre, (teams, n, n)))
    reported = np.empty((teams, R, n, n))
    for issue in range(R):
        if issue > 0:
            M = simulation.dynamics.step(M, first, p[:, issue], c)
        spread = np.exp(n * simulation.noise * rng.standard_normal(M.shape))
        reported[:, issue] = project(M * spread)
        if simulation.percent:
            reported[:, issue] = whole_percentages(reported[:, issue])
        if issue > 0:
            kept = rng.random((teams, n, 1)) < simulation.sticky
            reported[:, issue] = np.where(kept, reported[:, issue - 1], reported[:, issue])
    return reported
