"""team-influence: predictions of 31 teams, as its room computes them and with loops over teams and folds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from benchmarks.evaluations.case import Case
from headway_workers.team_influence import mlp
from headway_workers.team_influence.dynamics import PERCEPTION_FLOOR, Dynamics
from headway_workers.team_influence.features import GROUPS, Transitions
from headway_workers.team_influence.folds import by_team
from headway_workers.team_influence.predictors import Settings, predictions
from headway_workers.team_influence.scores import squared_errors
from headway_workers.team_influence.simulator import Simulation, simulate
from headway_workers.team_influence.teams import Array, Teams
from headway_workers.team_influence.text import WORD, TfidfChannel

DYNAMICS = Dynamics(a=0.25, r=0.09, g=0.35, eta=1.4, kappa=0.5, u=0.93)
LINEAR = Settings("linear", DYNAMICS, GROUPS, augmented=True, strength=0.3)
RECIPE = mlp.Recipe(width=32, depth=2, dropout=0.0, learning_rate=1e-3, weight_decay=1e-4)
"""Without dropout: its random numbers are drawn for all folds at once, and can't be drawn one by one."""
FITS = 11
"""Of an evaluation: five folds by team, five by item, one for the audit."""


def cases() -> Iterator[Case]:
    """The dynamics, the regression, and the perceptrons of one evaluation."""
    teams = simulate(Simulation(), 31, np.random.default_rng(0)).teams()
    yield Case(
        "team-influence: dynamics of 31 teams", lambda: stepped(teams), lambda: stepped_in_loops(teams), apart
    )
    yield Case(
        "team-influence: regression on all features, 24 labellings, 5 folds",
        lambda: regressed(teams),
        lambda: regressed_fold_by_fold(teams),
        apart,
    )
    rng = np.random.default_rng(1)
    X = [rng.standard_normal((200, 96)) for _ in range(FITS)]
    Y = [np.tanh(x[:, :16]) for x in X]
    yield Case(
        f"team-influence: {FITS} perceptrons 96–32–32–16",
        lambda: trained(X, Y),
        lambda: trained_one_by_one(X, Y),
        apart,
    )


def apart(ours: Array, plain: Array) -> float:
    """Largest difference, relative to the largest size."""
    return float(np.abs(ours - plain).max() / np.abs(plain).max())


def stepped(teams: Teams) -> Array:
    """Squared errors of all transitions."""
    rows = Transitions.of(teams)
    return squared_errors(DYNAMICS.step(rows.prev, rows.first, rows.p, rows.confidence), rows.target)


def stepped_in_loops(teams: Teams) -> Array:
    """The same, entry by entry."""
    errors = []
    for team in range(len(teams)):
        c = teams.confidence[team].tolist()
        right = [0.0] * 4
        for issue in range(teams.issues):
            right = [right[i] + teams.correct[team, issue, i] for i in range(4)]
            if issue == 0:
                continue
            p = [one / (issue + 1) for one in right]
            M, first = teams.influence[team, issue - 1].tolist(), teams.influence[team, 0].tolist()
            total = 0.0
            for i in range(4):
                row = moved_row(M, first, p, c, i)
                for j in range(4):
                    total += (row[j] - teams.influence[team, issue, i, j]) ** 2
            errors.append(total / 16)
    return np.array(errors)


def moved_row(
    M: list[list[float]], first: list[list[float]], p: list[float], c: list[float], i: int
) -> list[float]:
    """Row i of the next matrix."""
    d, mean_c = DYNAMICS, sum(c) / 4
    lead = p[i] - sum(M[i][k] * p[k] for k in range(4))
    seen = [max(p[j] - d.u * max(p[j] - p[i], 0.0), PERCEPTION_FLOOR) for j in range(4)]
    E = [seen[j] ** d.eta * np.exp(d.kappa * (c[j] - mean_c)) for j in range(4)]
    row = []
    for j in range(4):
        D = lead * M[i][i] * ((i == j) - M[i][j])
        moved = M[i][j] + d.a * D + d.r * (first[i][j] - M[i][j]) + d.g * (E[j] / sum(E) - M[i][j])
        row.append(max(moved, 0.0))
    return [one / sum(row) for one in row]


def regressed(teams: Teams) -> Array:
    """Squared errors of the test rows, fold by fold."""
    rows = Transitions.of(teams)
    folds = by_team(rows.team, 0)
    found = predictions(LINEAR, rows, folds, channel=TfidfChannel())
    return np.concatenate(
        [squared_errors(M, rows.target[test]) for (_, test), M in zip(folds, found, strict=True)]
    )


def regressed_fold_by_fold(teams: Teams) -> Array:
    """The same with a vectoriser and a Ridge per fold, and every labelling built row by row."""
    rows = Transitions.of(teams)
    base = DYNAMICS.unprojected(rows.prev, rows.first, rows.p, rows.confidence)
    left = rows.target - base
    left -= left.mean(axis=-1, keepdims=True)
    errors = []
    for train, test in by_team(rows.team, 0):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD)
        weights = words.fit_transform(rows.documents[train].ravel())
        svd = TruncatedSVD(8, algorithm="arpack", random_state=0).fit(weights)
        text = svd.transform(words.transform(rows.documents.ravel())).reshape(len(rows), 4, 8)
        networks = np.stack([scaled(one, train) for one in (rows.prev, rows.first, rows.mean)], axis=1)
        members = np.concatenate([rows.p[..., None], rows.block[..., None], rows.timing, text], axis=-1)
        members = np.stack([scaled(members[..., k], train) for k in range(members.shape[-1])], axis=-1)
        X, Y = [], []
        for order in permutations(range(4)):
            at = list(order)
            for row in train:
                turned = networks[row][:, at][:, :, at]
                X.append(np.concatenate([turned.ravel(), members[row][at].ravel()]))
                Y.append(left[row][at][:, at].ravel())
        model = Ridge(LINEAR.strength * len(X)).fit(np.array(X), np.array(Y))
        for row in test:
            given = np.concatenate([networks[row].ravel(), members[row].ravel()])
            correction = model.predict(given[None])[0].reshape(4, 4)
            M = np.maximum(base[row] + correction - correction.mean(axis=1, keepdims=True), 0.0)
            errors.append(np.mean((M / M.sum(axis=1, keepdims=True) - rows.target[row]) ** 2))
    return np.array(errors)


def scaled(values: Array, train: NDArray[np.intp]) -> Array:
    """Standardised by the training rows."""
    standard: Array = (values - values[train].mean()) / values[train].std()
    return standard


def trained(X: list[Array], Y: list[Array]) -> Array:
    """Predictions of the training rows."""
    predict = mlp.trained(RECIPE, X, Y, seed=3)
    assert predict is not None
    return np.stack(predict(X))


def trained_one_by_one(X: list[Array], Y: list[Array]) -> Array:
    """The same with torch.nn, one network after another."""
    rng = np.random.default_rng(3)
    drawn = [(rng.random((FITS, 64)) * 200).astype(np.int64) for _ in range(mlp.STEPS)]
    predicted = []
    for fold, (x, y) in enumerate(zip(X, Y, strict=True)):
        network = started(x.shape[1], y.shape[1])
        weights = [one for name, one in network.named_parameters() if name.endswith("weight")]
        biases = [one for name, one in network.named_parameters() if name.endswith("bias")]
        optimiser = torch.optim.AdamW(
            [{"params": biases, "weight_decay": 0.0}],
            lr=RECIPE.learning_rate,
            weight_decay=RECIPE.weight_decay,
        )
        optimiser.add_param_group({"params": weights})
        inputs, aims = (torch.from_numpy(part.astype(np.float32)) for part in (x, y))
        for batches in drawn:
            loss = torch.nn.functional.mse_loss(network(inputs[batches[fold]]), aims[batches[fold]])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            optimiser.step()
        predicted.append(network(inputs).detach().numpy())
    return np.stack(predicted).astype(np.float64)


def started(inputs: int, outputs: int) -> torch.nn.Sequential:
    """Weights as `mlp.Perceptrons` begins with."""
    random = torch.Generator().manual_seed(3)
    layers: list[torch.nn.Module] = []
    for into, out in ((inputs, RECIPE.width), (RECIPE.width, RECIPE.width), (RECIPE.width, outputs)):
        layer = torch.nn.Linear(into, out)
        start = torch.randn(into, out, generator=random) * (2.0 / into) ** 0.5
        with torch.no_grad():
            layer.weight.copy_(start.T if len(layers) < 4 else torch.zeros(out, into))
            layer.bias.zero_()
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])
