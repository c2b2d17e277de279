"""The three models: the dynamics alone, and the dynamics corrected by a linear map or by a perceptron.

    M̂(t+1) = Π[ step(M(t)) + C f(features) ],        C subtracts each row's mean,

with f = 0 for `drp`, and `step` of `dynamics.py` (our reconstruction). At a = r = g = 0 the step is the
last report, and the corrected models are regressions on features as the paper's are. Π puts the rows on
the simplex.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headway_workers.team_influence import linear, mlp
from headway_workers.team_influence.dynamics import Dynamics, project
from headway_workers.team_influence.features import (
    Features,
    Transitions,
    encoded,
    labellings,
    relabelled,
)
from headway_workers.team_influence.teams import Array
from headway_workers.team_influence.text import TextChannel

Split: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Indices of training rows and of test rows."""


@dataclass(frozen=True)
class Settings:
    """A model that is ready to be fitted."""

    model: Literal["drp", "linear", "mlp"]
    dynamics: Dynamics
    groups: tuple[str, ...] = ()
    """Of features; none for `drp`."""
    augmented: bool = False
    """Whether it is trained on every labelling of the members."""
    penalty: linear.Penalty = "ridge"
    strength: float = 1.0
    """The penalty's λ."""
    recipe: mlp.Recipe | None = None
    """Needed for `mlp`."""


class TimeIsUp(Exception):
    """The deadline passed while a model was being fitted."""


def predictions(
    settings: Settings,
    rows: Transitions,
    splits: Sequence[Split],
    *,
    channel: TextChannel | None = None,
    seed: int = 0,
    device: str = "cpu",
    late: Callable[[], bool] = lambda: False,
) -> Iterator[Array]:
    """M̂ for the test rows of each split in turn, shape (rows, n, n), after a fit to its training rows.

    Perceptrons of all splits are trained at once, when the first is asked for. Entries are not finite
    where a perceptron's training diverged.

    Raises:
        TimeIsUp: `late` said so.
    """
    dynamics = settings.dynamics
    base = dynamics.unprojected(rows.prev, rows.first, rows.p, rows.confidence)
    if settings.model == "drp":
        for _, test in splits:
            if late():
                raise TimeIsUp
            yield project(base[test])
        return
    correct = _linear if settings.model == "linear" else _perceptron
    fitting = _Fitting(settings, rows, _row_centred(rows.target - base), channel, seed, device, late)
    for (_, test), correction in zip(splits, correct(fitting, splits), strict=True):
        yield _onto_simplex(base[test] + _row_centred(correction))


@dataclass(frozen=True)
class _Fitting:
    settings: Settings
    rows: Transitions
    aim: Array
    """What a correction should be, shape (N, n, n)."""
    channel: TextChannel | None
    seed: int
    device: str
    late: Callable[[], bool]

    def matrices(self, split: Split) -> tuple[Array, Array, Array]:
        """Training inputs, training aims and test inputs of a split, as matrices."""
        train, test = split
        features = encoded(self.rows, self.settings.groups, train, self.channel)
        chosen = Features(features.networks[train], features.members[train])
        orders = labellings(self.aim.shape[-1])[: None if self.settings.augmented else 1]
        X = np.concatenate([chosen.relabelled(order).design for order in orders])
        Y = np.concatenate([relabelled(self.aim[train], order).reshape(len(train), -1) for order in orders])
        return X, Y, features.design[test]


def _linear(fitting: _Fitting, splits: Sequence[Split]) -> Iterator[Array]:
    for split in splits:
        if fitting.late():
            raise TimeIsUp
        X, Y, inputs = fitting.matrices(split)
        intercept, weights = linear.fitted(X, Y, fitting.settings.penalty, fitting.settings.strength)
        yield (inputs @ weights + intercept).reshape(len(inputs), *fitting.aim.shape[1:])


def _perceptron(fitting: _Fitting, splits: Sequence[Split]) -> Iterator[Array]:
    recipe = fitting.settings.recipe
    assert recipe is not None
    X, Y, inputs = zip(*(fitting.matrices(split) for split in splits), strict=True)
    predict = mlp.trained(recipe, X, Y, seed=fitting.seed, device=fitting.device, late=fitting.late)
    if predict is None:
        raise TimeIsUp
    for given, out in zip(inputs, predict(inputs), strict=True):
        yield out.reshape(len(given), *fitting.aim.shape[1:])


def _row_centred(M: Array) -> Array:
    centred: Array = M - M.mean(axis=-1, keepdims=True)
    return centred


def _onto_simplex(M: Array) -> Array:
    """Π; what is not finite stays so, for the caller to see."""
    if not np.isfinite(M).all():
        return np.full_like(M, np.nan)
    return project(M)
