"""A penalised linear map from features to a correction of the influence matrix.

With standardised features X (N × d) and corrections Y (N × n²),

    minimise  ‖Y − B − X W‖²_F / (2 N) + λ P(W),      P = ‖W‖²_F / 2 (ridge) or ‖W‖₁ (l1).

The paper's convex model has B + Σ_f X_f W_f with an ℓ₁ penalty; its rows are put on the simplex.
"""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso

from headway_workers.team_influence.teams import Array

Penalty = Literal["ridge", "l1"]

SWEEPS = 300
"""Coordinate descent's limit; a fit that needs more changes in the sixth digit."""


def fitted(X: Array, Y: Array, penalty: Penalty, strength: float) -> tuple[Array, Array]:
    """B of shape (n²,) and W of shape (d, n²); `strength` is λ > 0."""
    x_mean, y_mean = X.mean(axis=0), Y.mean(axis=0)
    centred, aim = X - x_mean, Y - y_mean
    if X.shape[1] == 0:
        W = np.zeros((0, Y.shape[1]))
    elif penalty == "ridge":
        gram = centred.T @ centred / len(X) + strength * np.eye(X.shape[1])
        W = np.linalg.solve(gram, centred.T @ aim / len(X))
    else:
        lasso = Lasso(strength, fit_intercept=False, precompute=True, max_iter=SWEEPS, tol=1e-4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # what stands after so many sweeps is scored
            W = lasso.fit(centred, aim).coef_.reshape(Y.shape[1], -1).T
    return y_mean - x_mean @ W, W
