import numpy as np
import pytest

from headway_workers.signature_audit.audit import Signature, audited
from headway_workers.signature_audit.matched_sets import DECILES, TOLERANCE, matched_sets, strata
from headway_workers.signature_audit.outcomes import Correlated


def expression(n=80, genes=1_000, seed=0):
    """Genes on three factors, with levels and spreads of their own."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3)) @ rng.normal(0, 0.6, (3, genes)) + rng.standard_normal((n, genes))
    return X * rng.uniform(0.3, 3.0, genes) + rng.uniform(4, 12, genes)


def mean_correlation(values, places, signs):
    """By numpy's correlation matrix."""
    R = np.corrcoef(values[:, places].T * np.asarray(signs)[:, None])
    return R[np.triu_indices(len(places), 1)].mean()


def test_strata_are_deciles_within_deciles():
    X = expression()
    found = strata(X, np.arange(1_000))
    assert np.bincount(found).tolist() == [10] * DECILES**2
    mean, spread = X.mean(axis=0), X.std(axis=0)
    assert mean[found < DECILES].max() < mean[found >= DECILES].min()
    assert spread[found == 0].max() < spread[found == 1].min()


@pytest.mark.parametrize("signs", [[1.0] * 8, [1.0, -1.0] * 4])
def test_sets_are_like_the_signature_in_all_three(signs):
    X, universe = expression(), np.arange(3, 1_000)
    factor = X @ np.linalg.svd(X - X.mean(axis=0))[2][0]
    near = np.argsort(-np.abs(np.corrcoef(X.T, factor)[-1, :-1]))
    places = [int(place) for place in near if place >= 3][:8]  # as correlated as eight genes can be
    found = matched_sets(X, places, signs, universe, count=200, rng=np.random.default_rng(1))
    target = mean_correlation(X, places, signs)
    assert found.correlation == pytest.approx(target, abs=1e-12)
    assert len(found.sets) > 100
    of = np.full(1_000, -1)
    of[universe] = strata(X, universe)
    for genes in found.sets:
        assert len(set(genes)) == 8
        assert abs(mean_correlation(X, genes, signs) - target) <= TOLERANCE + 1e-12
        assert of[genes].tolist() == of[places].tolist()
    assert len({tuple(genes) for genes in found.sets}) == len(found.sets)
    renewed = (found.sets != np.array(places)).mean()
    assert renewed > 0.5


def test_correlation_alone_makes_an_arbitrary_signature_look_special():
    """Genes of one factor that also drives the outcome: better than random genes, and not better than others
    of that factor.
    """
    rng = np.random.default_rng(5)
    factor = rng.standard_normal(100)
    X = rng.standard_normal((100, 1_500))
    X[:, :500] += factor[:, None]
    y = factor + 0.5 * rng.standard_normal(100)
    order = rng.permutation(1_500)
    X = X[:, order]
    places = [int(place) for place in np.flatnonzero(order < 500)[:10]]
    tried = {"one": Signature(places, [1.0] * 10)}
    found = audited("a", "b", X, Correlated(y, "pearson"), tried, draws=300)
    assert found.random_gene.p < 0.05
    assert found.matched is not None
    assert found.matched.p > 0.05
    assert found.matched_sets > 200


def test_one_gene_is_held_against_its_stratum():
    X = expression()
    y = X[:, 40] + np.random.default_rng(2).standard_normal(80)
    found = audited("a", "b", X, Correlated(y, "pearson"), {"g": Signature([40], [1.0])})
    of = strata(X, np.arange(1_000))
    r = np.abs(np.corrcoef(X[:, of == of[40]].T, y)[-1, :-1])
    own = abs(np.corrcoef(X[:, 40], y)[0, 1])
    assert found.matched.p == np.mean(r >= own - 1e-12)
    assert (found.matched_sets, found.smallest_stratum) == (10, 10)


def test_genes_outside_the_universe_are_named():
    with pytest.raises(ValueError, match=r"places = \[2\]"):
        matched_sets(
            expression(), [2, 5], [1.0, 1.0], np.arange(3, 1_000), count=10, rng=np.random.default_rng(0)
        )
