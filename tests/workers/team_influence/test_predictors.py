from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Lasso, Ridge

from headway_workers.contract import DataUnavailable
from headway_workers.team_influence import linear, mlp
from headway_workers.team_influence.dynamics import Dynamics
from headway_workers.team_influence.features import GROUPS, encoded, labellings, relabelled
from headway_workers.team_influence.folds import by_item, by_team
from headway_workers.team_influence.predictors import Settings, TimeIsUp, predictions
from headway_workers.team_influence.scores import divergence, most_influential, simplex_error, squared_errors
from headway_workers.team_influence.text import WORD, SentenceChannel, TfidfChannel

STILL = Dynamics(0.0, 0.0, 0.0)
RECIPE = mlp.Recipe(width=16, depth=2, dropout=0.2, learning_rate=1e-3, weight_decay=1e-4)


def mean_error(settings, rows, splits, **options):
    found = predictions(settings, rows, splits, channel=TfidfChannel(), **options)
    errors = [squared_errors(M, rows.target[test]).mean() for (_, test), M in zip(splits, found, strict=True)]
    return float(np.mean(errors))


def test_dynamics_at_rest_predict_the_last_report(rows):
    splits = by_team(rows.team, 0)
    for (_, test), M in zip(splits, predictions(Settings("drp", STILL), rows, splits), strict=True):
        assert np.abs(M - rows.prev[test]).max() < 1e-12


@pytest.mark.parametrize("model", ["linear", "mlp"])
@pytest.mark.parametrize("augmented", [False, True])
def test_predictions_stay_on_the_simplex(rows, model, augmented, briefly):
    splits = by_team(rows.team, 0)
    settings = Settings(model, STILL, GROUPS, augmented, strength=0.3, recipe=RECIPE)
    found = list(predictions(settings, rows, splits, channel=TfidfChannel()))
    assert [M.shape for M in found] == [rows.target[test].shape for _, test in splits]
    assert max(simplex_error(M) for M in found) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_models_of_all_features_beat_the_last_report(rows, model):
    settings = Settings(model, STILL, GROUPS, augmented=True, strength=0.3, recipe=RECIPE)
    last = squared_errors(rows.prev, rows.target).mean()
    assert mean_error(settings, rows, by_team(rows.team, 0)) < 0.97 * last


@pytest.mark.slow
def test_unaugmented_regression_overfits_ten_teams(rows):
    """The augmentation earns its place: 96 features and 64 rows."""
    one, other = (Settings("linear", STILL, GROUPS, augmented, strength=0.1) for augmented in (False, True))
    splits = by_team(rows.team, 0)
    assert mean_error(one, rows, splits) > 1.2 * mean_error(other, rows, splits)


def test_no_features_leave_an_intercept(rows, briefly):
    splits = by_team(rows.team, 0)
    for model in ("linear", "mlp"):
        error = mean_error(Settings(model, STILL, (), recipe=RECIPE), rows, splits)
        assert error == pytest.approx(squared_errors(rows.prev, rows.target).mean(), rel=0.15)


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_deadline_is_kept(rows, model):
    settings = Settings(model, STILL, ("prev",), recipe=RECIPE)
    with pytest.raises(TimeIsUp):
        list(predictions(settings, rows, by_team(rows.team, 0), late=lambda: True))


def test_augmented_linear_model_does_not_care_who_is_called_what(rows):
    order = (2, 0, 3, 1)
    other = replace(
        rows,
        **{name: relabelled(getattr(rows, name), order) for name in ("prev", "first", "mean", "target")},
        **{
            name: getattr(rows, name)[:, list(order)]
            for name in ("p", "block", "confidence", "timing", "documents")
        },
    )
    splits = by_team(rows.team, 0)
    groups = tuple(group for group in GROUPS if group != "text")
    settings = Settings("linear", Dynamics(0.2, 0.1, 0.3), groups, augmented=True, strength=0.1)
    for one, same in zip(
        predictions(settings, rows, splits), predictions(settings, other, splits), strict=True
    ):
        assert relabelled(one, order) == pytest.approx(same, abs=1e-10)


def test_relabelling_is_a_permutation_of_rows_and_columns(rows):
    order = (3, 1, 0, 2)
    P = np.eye(4)[list(order)]
    assert relabelled(rows.prev, order) == pytest.approx(P @ rows.prev @ P.T)
    assert len(labellings(4)) == 24
    assert labellings(4)[0] == (0, 1, 2, 3)


def test_design_is_relabelled_as_its_parts(rows):
    features = encoded(rows, ("prev", "perf"), np.arange(40))
    moved = features.relabelled((1, 0, 2, 3))
    assert moved.design.shape == features.design.shape == (80, 16 + 8)
    assert moved.design[:, 16:18] == pytest.approx(features.design[:, 18:20])


def test_test_rows_leave_no_trace_in_the_features_of_training_rows(rows):
    """Scales, words and directions are learnt from training rows: other test rows change nothing."""
    train = np.arange(40)
    spoilt = replace(
        rows,
        prev=np.concatenate([rows.prev[:40], 1.0 - rows.prev[40:]]),
        timing=np.concatenate([rows.timing[:40], 99.0 + rows.timing[40:]]),
        documents=np.concatenate(
            [rows.documents[:40], np.full((40, 4), "sure sure other words", dtype=object)]
        ),
    )
    ours = encoded(rows, GROUPS, train, TfidfChannel()).design[:40]
    assert encoded(spoilt, GROUPS, train, TfidfChannel()).design[:40] == pytest.approx(ours, abs=1e-9)


def test_unknown_features_and_missing_channel_are_refused(rows):
    with pytest.raises(ValueError, match=r"no features 'mood'.*prev, first"):
        encoded(rows, ("mood",), np.arange(9))
    with pytest.raises(ValueError, match="text channel"):
        encoded(rows, ("text",), np.arange(9))


def test_inner_products_of_documents_are_those_of_the_best_rank_8_approximation(rows):
    """Against scikit-learn's vectoriser on the training documents and numpy's full decomposition."""
    train = np.arange(40)
    vectors = TfidfChannel().embedded(rows.documents, train)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORD)
    weights = words.fit_transform(rows.documents[train].ravel()).toarray()
    _, _, directions = np.linalg.svd(weights, full_matrices=False)
    expected = words.transform(rows.documents.ravel()).toarray() @ directions[:8].T
    ours = vectors.reshape(-1, 8)
    assert ours @ ours.T == pytest.approx(expected @ expected.T, abs=1e-8)


def test_silence_is_embedded_as_zeros():
    documents = np.full((6, 4), "", dtype=object)
    assert not TfidfChannel().embedded(documents, np.arange(3)).any()


def test_sentence_model_must_be_there_and_be_installed(tmp_path, monkeypatch):
    with pytest.raises(DataUnavailable, match="no sentence model"):
        SentenceChannel(tmp_path / "nowhere")
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(ModuleNotFoundError, match="pip install sentence-transformers"):
        SentenceChannel(tmp_path)


def test_ridge_and_lasso_are_scikit_learns(rows):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((50, 6)), rng.standard_normal((50, 3))
    intercept, W = linear.fitted(X, Y, "ridge", 0.2)
    ridge = Ridge(0.2 * 50).fit(X, Y)
    assert pytest.approx(ridge.coef_.T) == W
    assert intercept == pytest.approx(ridge.intercept_)
    intercept, W = linear.fitted(X, Y, "l1", 0.05)
    for column in range(3):
        lasso = Lasso(0.05, tol=1e-10).fit(X, Y[:, column])
        assert W[:, column] == pytest.approx(lasso.coef_, abs=1e-4)


def test_perceptrons_side_by_side_are_those_trained_alone(device, briefly):
    """Against torch.nn, one network after another on the same batches."""
    recipe = replace(RECIPE, dropout=0.0)
    rng = np.random.default_rng(1)
    X = [rng.standard_normal((rows, 5)) for rows in (30, 50)]
    Y = [np.sin(x[:, :2]) for x in X]
    trained = mlp.trained(recipe, X, Y, seed=3, device=device)
    assert trained is not None
    for fold, (ours, expected) in enumerate(zip(trained(X), alone(recipe, X, Y, seed=3), strict=True)):
        assert ours == pytest.approx(expected, abs=2e-4), fold


def alone(recipe: mlp.Recipe, X, Y, seed: int):
    lengths = np.array([len(x) for x in X])
    rng = np.random.default_rng(seed)
    batches = np.stack([mlp._batch(rng, lengths) for _ in range(mlp.STEPS)])
    for fold, (x, y) in enumerate(zip(X, Y, strict=True)):
        random = torch.Generator().manual_seed(seed)
        layers: list[torch.nn.Module] = []
        for into, out in pairwise([x.shape[1], *[recipe.width] * recipe.depth, y.shape[1]]):
            layer = torch.nn.Linear(into, out)
            start = torch.randn(into, out, generator=random) * (2.0 / into) ** 0.5
            with torch.no_grad():
                layer.weight.copy_(start.T if out != y.shape[1] else torch.zeros(out, into))
                layer.bias.zero_()
            layers += [layer, torch.nn.ReLU()]
        network = torch.nn.Sequential(*layers[:-1])
        weights = [one for name, one in network.named_parameters() if name.endswith("weight")]
        biases = [one for name, one in network.named_parameters() if name.endswith("bias")]
        groups: list[dict[str, Any]] = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(
            groups,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
        )
        inputs, aims = (torch.from_numpy(part.astype(np.float32)) for part in (x, y))
        for drawn in batches[:, fold]:
            loss = torch.nn.functional.mse_loss(network(inputs[drawn]), aims[drawn])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        yield network(inputs).detach().numpy()


def test_folds_by_team_share_no_team_and_folds_by_item_do():
    team = np.repeat(np.arange(7), 8)
    for train, test in by_team(team, 1):
        assert not set(team[train]) & set(team[test])
    assert any(set(team[train]) & set(team[test]) for train, test in by_item(team, 1))
    assert sorted(np.concatenate([test for _, test in by_team(team, 1)])) == list(range(56))
    with pytest.raises(ValueError, match="There are 1 teams"):
        by_team(np.zeros(8, dtype=np.intp), 1)


def test_scores_of_known_matrices():
    M = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.4, 0.4]])
    assert divergence(M, M) == pytest.approx(0.0)
    assert most_influential(M, M) == 1.0
    assert squared_errors(M, M + 0.1) == pytest.approx(0.01)
    turned = relabelled(M, (1, 2, 0))
    assert most_influential(turned, M) == 0.0
    assert simplex_error(np.array([[0.5, 0.4]])) == pytest.approx(0.1)
    assert simplex_error(np.array([[1.2, -0.2]])) == pytest.approx(0.2)
