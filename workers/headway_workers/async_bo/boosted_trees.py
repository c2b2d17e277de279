"""Gradient-boosted trees on the breast-cancer data: five-fold error by nine hyperparameters of XGBoost.

The nine and their ranges are those of the code that the core paper's authors released. XGBoost: Chen and
Guestrin 2016. Data: Wolberg, Street and Mangasarian, 569 patients, 30 features, as scikit-learn ships them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold

from headway.wire.base import Params
from headway.wire.space import Float, Int, Parameter

MOST_TREES = 50_000
"""The authors' range; an evaluation of so many takes a minute."""
CAPPED_TREES = 100
"""A cap under which an evaluation takes a tenth of a second."""
FOLDS = 5


def parameters(most_trees: int = MOST_TREES) -> tuple[Parameter, ...]:
    """The nine, named as XGBoost names them."""
    shares = ("learning_rate", "subsample", "colsample_bytree", "colsample_bynode")
    penalties = ("gamma", "reg_alpha", "reg_lambda")
    return (
        *(Float(0.01, 0.99, name=name) for name in shares),
        *(Float(0.0, 100.0, name=name) for name in penalties),
        Int(1, most_trees, name="n_estimators"),
        Int(1, 100, name="max_depth"),
    )


@dataclass(frozen=True)
class BoostedTrees:
    """Five folds, stratified by class, as XGBoost reads them: (training, test, labels of test) each."""

    folds: tuple[tuple[Any, Any, Any], ...]

    @classmethod
    def drawn(cls, seed: int) -> BoostedTrees:
        """Folds by seed.

        Raises:
            ModuleNotFoundError: XGBoost is not installed.
        """
        xgboost = _xgboost()
        x, y = load_breast_cancer(return_X_y=True)
        return cls(
            tuple(
                (
                    xgboost.DMatrix(x[train], y[train], nthread=1),
                    xgboost.DMatrix(x[test], nthread=1),
                    y[test],
                )
                for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y)
            )
        )

    def error(self, params: Params) -> float:
        """Share of the patients that are misclassified while in the test fold: one less the accuracy."""
        xgboost = _xgboost()
        settings = dict(params)
        trees = int(settings.pop("n_estimators"))
        fixed = {"objective": "binary:logistic", "tree_method": "hist", "seed": 0, "nthread": 1}
        wrong, patients = 0, 0
        for training, test, labels in self.folds:
            booster = xgboost.train(settings | fixed, training, trees)
            wrong += int(((np.asarray(booster.predict(test)) > 0.5) != labels).sum())
            patients += len(labels)
        return wrong / patients


def _xgboost() -> ModuleType:
    try:
        import xgboost
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Boosted trees need XGBoost, which is not installed: pip install 'headway[xgboost]'."
        ) from error
    module: ModuleType = xgboost
    return module
