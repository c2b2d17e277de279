import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, logrank

from headway_workers.signature_audit.gene_sets import principal_weights, random_sets, weighted_scores
from headway_workers.signature_audit.survival import CoxScore, Survival, concordance, scores_of

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


def drawn(seed, n=60):
    """A cohort with many ties in times and scores."""
    rng = np.random.default_rng(seed)
    event = rng.random(n) < 0.6
    event[0] = True
    return Survival(np.ceil(rng.exponential(8, n)), event), np.round(rng.normal(size=n), 1)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_concordance_is_the_count_over_pairs(seed):
    survival, score = drawn(seed, 25)
    t, e = survival.time, survival.event
    pairs = [
        (i, j) for i in range(25) for j in range(25) if e[i] and (t[i] < t[j] or (t[i] == t[j] and not e[j]))
    ]
    won = sum((score[i] > score[j]) + 0.5 * (score[i] == score[j]) for i, j in pairs)
    assert concordance(scores_of(score), survival).item() == pytest.approx(won / len(pairs), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_concordance_is_scikit_survivals_and_lifelines(seed, device):
    sksurv = pytest.importorskip("sksurv.metrics", reason="needs the extra survival")
    lifelines = pytest.importorskip("lifelines.utils", reason="needs the extra survival")
    survival, score = drawn(seed)
    ours = concordance(scores_of(score, device), survival).item()
    theirs = sksurv.concordance_index_censored(survival.event, survival.time, score)[0]
    assert ours == pytest.approx(theirs, abs=1e-12)
    assert ours == pytest.approx(
        lifelines.concordance_index(survival.time, -score, survival.event), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(5))
def test_squared_score_z_of_a_group_is_the_log_rank_statistic(seed, device):
    survival, score = drawn(seed)
    group, event = score > 0, survival.event
    parts = [
        CensoredData(uncensored=survival.time[side & event], right=survival.time[side & ~event])
        for side in (group, ~group)
    ]
    z = CoxScore(survival, ties="hypergeometric", device=device)(scores_of(group.astype(float), device))
    assert z.item() ** 2 == pytest.approx(logrank(*parts).statistic ** 2, rel=1e-9)


def test_breslow_and_hypergeometric_agree_without_ties():
    rng = np.random.default_rng(1)
    survival = Survival(rng.random(50), rng.random(50) < 0.5)
    scores = scores_of(rng.normal(size=(20, 50)))
    both = [CoxScore(survival, ties=ties)(scores) for ties in ("breslow", "hypergeometric")]
    assert torch.allclose(*both, rtol=1e-12)


def test_score_that_does_not_vary_has_z_zero():
    survival, _ = drawn(0)
    assert CoxScore(survival)(scores_of(np.full(60, 3.3))).item() == 0.0


def test_weighted_scores_and_loadings_are_numpys(device):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 40)) + np.outer(rng.normal(size=300), rng.normal(size=40))
    X -= X.mean(axis=1, keepdims=True)
    sets = random_sets(300, 20, 6, rng)
    tensors = torch.as_tensor(X, device=device), torch.as_tensor(sets, device=device)
    weights = principal_weights(*tensors)
    scores = weighted_scores(*tensors, weights).cpu().numpy()
    for chosen, loading, score in zip(sets, weights.cpu().numpy(), scores, strict=True):
        expected = np.linalg.svd(X[chosen], full_matrices=False)[0][:, 0]
        assert abs(expected @ loading) == pytest.approx(1.0, abs=1e-6)
        assert np.allclose(score, loading @ X[chosen] / 20)


@pytest.mark.parametrize("size", [1, 12, 150, 200])
def test_random_sets_have_no_repetition_and_cover_the_universe(size):
    sets = random_sets(200, size, 400, np.random.default_rng(0))
    assert sets.shape == (400, size)
    assert (np.diff(np.sort(sets, axis=1), axis=1) > 0).all()
    counts = np.bincount(sets.ravel(), minlength=200)
    expected = 400 * size / 200
    assert np.abs(counts - expected).max() <= 5.0 * expected**0.5


@pytest.mark.parametrize(
    ("time", "event", "said"),
    [([1.0, -2.0], [True, True], r"time\[1\] = -2"), ([1.0, 2.0], [False, False], "no event")],
)
def test_impossible_survival_is_refused(time, event, said):
    with pytest.raises(ValueError, match=said):
        Survival(np.array(time), np.array(event))
