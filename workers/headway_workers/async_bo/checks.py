"""What the simulation is held to, and then the paper's claims with their verdicts."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from scipy.integrate import quad
from scipy.stats import gamma
from sklearn.gaussian_process.kernels import Matern

from headway_workers.async_bo import pest_control
from headway_workers.async_bo.claims import claims, settings
from headway_workers.async_bo.prior import PriorDraw
from headway_workers.async_bo.problems import PRIOR_LENGTHSCALES, problem
from headway_workers.async_bo.records import LOG, all_recorded
from headway_workers.async_bo.run import run
from headway_workers.async_bo.setting import Setting
from headway_workers.async_bo.simulator import durations
from headway_workers.contract import Check, Claim

DRAWS = 4_000


def checks() -> Iterator[Check | Claim]:
    """Quickest first; the claims rest on some thousand runs, minutes on two cores."""
    yield mean_duration()
    yield covariance_of_draws()
    yield minimum_of_a_draw()
    yield pests_left_alone()
    yield sequential_run_has_nothing_in_flight()
    yield one_run_in_seconds()
    records = [record for _, record in all_recorded(settings(), os.cpu_count() or 1, LOG)]
    yield from claims(records)


def mean_duration() -> Check:
    """The heavy-tailed law has mean 1 too."""
    return Check("mean of Pareto times", 1.0, float(durations("pareto", 0, 100_000).mean()), 0.02)


def covariance_of_draws(draws: int = DRAWS) -> Check:
    """Two points' covariance over many draws, against scikit-learn's Matérn-5/2 kernel."""
    dimension, lengthscale = PRIOR_LENGTHSCALES["gp5"]
    pair = np.random.default_rng(0).random((2, dimension))
    pair[1] = pair[0] + 0.3 * (pair[1] - pair[0])
    rng = np.random.default_rng(1)
    values = np.array([PriorDraw.draw(dimension, lengthscale, rng)(pair) for _ in range(draws)])
    expected = float(Matern(length_scale=lengthscale, nu=2.5)(pair[:1], pair[1:])[0, 0])
    return Check(
        "covariance of two values of the prior's draws",
        expected,
        float((values[:, 0] * values[:, 1]).mean()),
        4.0 * float((values[:, 0] * values[:, 1]).std() / np.sqrt(draws)),
    )


def minimum_of_a_draw() -> Check:
    """No point of a large random sample lies below what is taken for the minimum."""
    at = problem("gp2", 0)
    sample = np.random.default_rng(2).random((20_000, at.dimension))
    lowest = min(at.evaluate(x) for x in sample)
    below = min(0.0, lowest - at.minimum)
    return Check("lowest of 20,000 points, as far as it lies below a draw's minimum", 0.0, below, 1e-9)


def pests_left_alone(simulations: int = 20_000) -> Check:
    """Stages above the threshold where nothing is ever done, over many simulations, against the law.

    What stays healthy is a product of powers of uniform numbers, so that after k stages its negative
    logarithm is E / 30 + G_k / (17/3), E exponential and G_k gamma of shape k (our derivation).
    """
    limit = -np.log1p(-pest_control.THRESHOLD)

    def above(k: int) -> float:
        if k == 0:
            return float(np.exp(-pest_control.INITIAL * limit))
        spread = gamma(k, scale=1.0 / pest_control.SPREAD)
        below = quad(lambda g: spread.pdf(g) * np.exp(-pest_control.INITIAL * (limit - g)), 0.0, limit)[0]
        return float(spread.sf(limit) + below)

    task = pest_control.PestControl.drawn(np.random.default_rng(3), simulations)
    found = float(task.costs(np.zeros((1, pest_control.STAGES), dtype=np.intp))[0])
    expected = sum(above(k) for k in range(pest_control.STAGES))
    # A simulation's count varies by less than two stages.
    return Check(
        "pest control, stages above the threshold without control", expected, found, 8.0 / simulations**0.5
    )


def sequential_run_has_nothing_in_flight() -> Check:
    """With one worker, a model's every question comes with all results so far."""
    trace = run(Setting("gp2", "ucb", 1, 0, budget=20, known=True))
    missing = float((np.arange(20) - trace.n_observed).sum())
    return Check("results missing at a question, q = 1", 0.0, missing, 0.0)


def one_run_in_seconds() -> Check:
    """Processor time of UCB's 100 questions with eight workers in six dimensions, all fits included."""
    trace = run(Setting("hartmann6", "ucb", 8, 0))
    return Check("seconds of one run of 100 evaluations, q = 8, d = 6", 2.0, trace.seconds, None)
