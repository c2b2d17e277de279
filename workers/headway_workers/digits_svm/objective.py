"""The objective digits-svm: how often a support vector machine misreads a handwritten digit."""

from __future__ import annotations

import warnings
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from headway.wire.base import Params
from headway.wire.space import Boolean, Categorical, Float, Int
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

FOLDS = 5
REPEATS = 2
PIXELS = 64
BRIGHTEST = 16.0
"""Largest pixel value in the data set."""

MAX_ITER = 2_000
"""Steps of libsvm's solver. Without a limit one point in twenty takes minutes (a steep polynomial on two
components); with it the machine that stands after 2,000 steps is a classifier as well, and is scored."""


class DigitsSvm(Objective):
    """Share of the 1,797 digits of 8 × 8 pixels that are misread, in stratified cross-validation.

    The pipeline is: pixels in [0, 1], standardised or not → principal components → `sklearn.svm.SVC`.
    Two repeats of 5 folds, whose partition is fixed by the problem's seed; the standard error is that
    of the mean over the 10 folds. Nothing here is random, so the evaluation's seed changes nothing.
    One core: 0.2 to 2 s.
    """

    name = "digits-svm"
    summary = "Cross-validated error of a support vector machine on 1,797 handwritten digits."
    parameters = (
        Float(1e-2, 1e3, log=True, name="C"),
        Float(1e-5, 1.0, log=True, name="gamma"),
        Categorical(("rbf", "poly", "sigmoid", "linear"), name="kernel"),
        Int(2, PIXELS, name="components"),
        Boolean(name="scaling"),
    )
    goals = (Goal(name="error", goal="minimize"),)
    fidelity = FidelityAxis("folds", 1, FOLDS * REPEATS)
    data = "sklearn.datasets.load_digits, which is part of scikit-learn"

    def __init__(self, problem_seed: int = 0) -> None:
        self.problem_seed = problem_seed

    @cached_property
    def digits(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Pixels in [0, 1], shape (1797, 64), and the digits 0 to 9, shape (1797,)."""
        pixels, labels = load_digits(return_X_y=True)
        return pixels / BRIGHTEST, labels

    @property
    def partition(self) -> RepeatedStratifiedKFold:
        """The folds: the same ten for every point."""
        return RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=self.problem_seed)

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,  # noqa: ARG002 - nothing in this experiment is random
        fidelity: int | None = None,
        device: str = "cpu",  # noqa: ARG002 - libsvm runs on the processor
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """Mean error over the folds; `fidelity` is the number of folds, 10 unless given."""
        pixels, labels = self.digits
        errors: list[float] = []
        unconverged = 0
        for train, test in list(self.partition.split(pixels, labels))[:fidelity]:
            if overdue(deadline):
                return Evaluation(status="timeout", reason=f"Time was up after {len(errors)} folds.")
            machine = pipeline(params)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # counted below
                machine.fit(pixels[train], labels[train])
            unconverged += bool(machine[-1].fit_status_)
            errors.append(float(np.mean(machine.predict(pixels[test]) != labels[test])))
            report(len(errors), float(np.mean(errors)))
        spread = float(np.std(errors, ddof=1)) if len(errors) > 1 else 0.0
        return Evaluation(
            objectives={"error": float(np.mean(errors))},
            noise={"error": spread / len(errors) ** 0.5} if len(errors) > 1 else {},
            metrics={
                "worst_fold": Metric(max(errors), "selection"),
                "folds_at_iteration_limit": Metric(float(unconverged)),
            },
        )


def pipeline(params: Params) -> Pipeline:
    """The unfitted classifier that a point of the space stands for; it takes pixels in [0, 1]."""
    steps: list[object] = [StandardScaler()] if params["scaling"] else []
    steps.append(PCA(int(params["components"]), svd_solver="full"))
    steps.append(
        SVC(C=float(params["C"]), gamma=float(params["gamma"]), kernel=params["kernel"], max_iter=MAX_ITER)
    )
    return make_pipeline(*steps)
