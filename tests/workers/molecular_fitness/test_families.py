import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime
from scipy.stats import dirichlet_multinomial, multinomial, spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from headway_workers.molecular_fitness.autoregressive import LinearAutoregressive, Uniform, log_density
from headway_workers.molecular_fitness.bear import Bear
from headway_workers.molecular_fitness.families import Settings, fitted
from headway_workers.molecular_fitness.landscapes import all_sequences
from headway_workers.molecular_fitness.potts_plm import PottsModel
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.scores import auc, spearman
from headway_workers.molecular_fitness.swi import SiteWise
from headway_workers.molecular_fitness.vae import Recipe, TimeIsUp

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]
EVERYTHING = all_sequences(4, 3)


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


@pytest.fixture
def sample():
    return Sample.of(np.random.default_rng(0).integers(0, 3, (300, 4)) % 3 * [[1, 1, 0, 1]], 3)


@pytest.mark.parametrize(
    "settings",
    [
        Settings("swi"),
        Settings("potts_plm"),
        Settings("bear", lag=2),
        Settings("bear", lag=13, h=1e3),
        Settings("bear_on_swi", h=0.1),
        Settings("ar_linear", lag=2),
    ],
    ids=lambda settings: settings.family,
)
def test_densities_sum_to_one(settings, sample):
    assert np.exp(fitted(settings, sample).log_density(EVERYTHING)).sum() == pytest.approx(1.0, abs=1e-9)


def test_weights_are_one_over_the_neighbours():
    x = np.array([[0, 0, 0, 0], [0, 0, 0, 1], [2, 2, 2, 2], [0, 0, 0, 0]])
    weighted = Sample.of(x, 3, 0.75)
    assert dict(zip(map(tuple, weighted.x), weighted.weights, strict=True)) == {
        (0, 0, 0, 0): pytest.approx(2 / 3),
        (0, 0, 0, 1): pytest.approx(1 / 3),
        (2, 2, 2, 2): 1.0,
    }
    assert Sample.of(x, 3).effective == 4.0


def test_site_wise_is_counts_and_pseudocounts():
    model = SiteWise.fit(Sample.of(np.array([[0, -1], [0, 1], [1, 1]]), 2), 1.0)
    np.testing.assert_allclose(np.exp(model.log_probabilities), [[3 / 5, 2 / 5], [1 / 4, 3 / 4]])
    assert model.log_density(np.array([[0, -1]]))[0] == pytest.approx(np.log(3 / 5))


def test_a_little_h_is_the_embedded_model_and_a_lot_the_table_of_what_was_seen(sample):
    base = SiteWise.fit(sample, 0.5)
    tight, loose = (Bear.fit(sample, base, 4, h).log_density(sample.x) for h in (1e-9, 1e9))
    np.testing.assert_allclose(tight, base.log_density(sample.x), atol=1e-5)
    np.testing.assert_allclose(np.exp(loose), sample.weights / sample.effective, atol=1e-6)


def test_marginal_likelihood_is_the_dirichlet_multinomials(sample):
    fit = Bear.fit(sample, Uniform(3), 1, 0.7)
    expected = 0.0
    for counts in fit.counts.astype(int):
        arrangements = multinomial.logpmf(counts, counts.sum(), np.ones(3) / 3) + counts.sum() * np.log(3)
        expected += dirichlet_multinomial.logpmf(counts, np.full(3, 1 / 2.1), counts.sum()) - arrangements
    assert fit.log_marginal_likelihood() == pytest.approx(expected)


def test_posterior_draws_are_densities_around_the_posteriors_mean(sample):
    fit = Bear.fit(sample, SiteWise.fit(sample, 0.5), 4, 0.5)
    draws = np.exp(fit.draws(EVERYTHING, 4_000, np.random.default_rng(0)))
    np.testing.assert_allclose(draws.sum(axis=1), 1.0)
    error = draws.std(axis=0) / 4_000**0.5
    assert (np.abs(draws.mean(axis=0) - np.exp(fit.log_density(EVERYTHING))) < 5 * error + 1e-12).all()


def test_linear_model_is_scikit_learns(sample):
    model = LinearAutoregressive.fit(sample, 1)
    previous = np.hstack([np.full((len(sample.x), 1), 3), sample.x[:, :-1]])
    hot = (previous[..., None] == np.arange(4)).reshape(-1, 4)
    weights = np.repeat(sample.weights, 4)
    reference = LogisticRegression(C=1 / (2e-4 * weights.sum()), tol=1e-9, max_iter=5_000)
    reference.fit(hot, sample.x.ravel(), weights)
    chances = reference.predict_log_proba(hot)[np.arange(len(hot)), sample.x.ravel()]
    np.testing.assert_allclose(log_density(model, sample.x), chances.reshape(-1, 4).sum(axis=1), atol=2e-3)


def test_pseudo_likelihood_is_at_its_optimum(sample):
    model = PottsModel.fit(sample, 0.05)
    assert model.converged

    def loss(h):
        fields = model.landscape.fields(sample.x) - model.landscape.h + h.reshape(4, 3)
        chosen = np.take_along_axis(fields, sample.x[..., None], axis=2)[..., 0]
        log_q = (chosen - np.log(np.exp(fields).sum(axis=2))).sum(axis=1)
        return -(sample.weights @ log_q) / sample.effective + 0.05 * (h @ h)

    slope = approx_fprime(model.landscape.h.ravel(), loss, 1e-6)
    assert np.abs(slope).max() < 1e-4


RECIPE = Recipe(latent=2, width=16, learning_rate=1e-2, epochs=60, beta_kl=1.0)


def test_autoencoder_learns_what_is_common_and_stays_below_a_density(device, sample):
    model = fitted(Settings("vae", recipe=RECIPE), sample, device=device)
    density = np.exp(model.log_density(EVERYTHING))
    # The third site never varies: all mass but a little has to be where it is 0.
    assert density[EVERYTHING[:, 2] == 0].sum() > 0.9
    assert density.sum() < 1.1


def test_autoencoder_is_the_same_twice_and_stops_when_told(sample):
    settings = Settings("vae", recipe=RECIPE)
    one, two = (fitted(settings, sample, seed=3).log_density(EVERYTHING) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    with pytest.raises(TimeIsUp):
        fitted(settings, sample, late=lambda: True)


def test_scores_are_scipys_and_scikit_learns():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, (3, 50)).astype(float), rng.normal(size=50)
    for row, rho, area in zip(a, spearman(a, b), auc(a, b > 0), strict=True):
        assert rho == pytest.approx(spearmanr(row, b).statistic)
        assert area == pytest.approx(roc_auc_score(b > 0, row))


def test_auc_of_one_class_is_refused():
    with pytest.raises(ValueError, match="one of each"):
        auc(np.zeros(3), np.ones(3, dtype=bool))
