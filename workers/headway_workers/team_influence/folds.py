"""How transitions are split into training and test rows.

By team, which is what a prediction for a new team is worth; and by item, as the authors' early code has
it, where a team's other transitions are in the training set and some of its habits are known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold

from headway_workers.team_influence.predictors import Split

FOLDS = 5


def by_team(team: NDArray[np.intp], seed: int) -> list[Split]:
    """At most five folds; no team has rows on both sides. `team` says whose each row is.

    Raises:
        ValueError: fewer than two teams.
    """
    count = len(np.unique(team))
    if count < 2:
        raise ValueError(f"There are {count} teams: cross-validation by team needs two or more.")
    folds = GroupKFold(min(FOLDS, count), shuffle=True, random_state=seed)
    return list(folds.split(team, groups=team))


def by_item(team: NDArray[np.intp], seed: int) -> list[Split]:
    """As many folds of rows, whosever they are."""
    folds = KFold(min(FOLDS, len(np.unique(team))), shuffle=True, random_state=seed)
    return list(folds.split(team))
