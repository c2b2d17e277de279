import numpy as np
from scipy.spatial.distance import cdist

from headway_server.engine import Optimizer
from headway_server.engine.fits import task as fitting_module
from headway_server.engine.fits.subset import chosen
from tests.engine.spaces import box


def test_everything_up_to_the_threshold():
    rows = np.random.default_rng(0).random((50, 2))
    np.testing.assert_array_equal(chosen(rows, rows[:, 0], 50, 10), np.arange(50))


def test_covers_the_space_and_keeps_the_best_and_the_newest():
    rng = np.random.default_rng(1)
    clump = 0.5 + 0.01 * rng.standard_normal((900, 3))  # as a campaign that has converged leaves it
    rows = rng.permutation(np.vstack([clump, rng.random((100, 3))]))
    utilities = -((rows - 0.5) ** 2).sum(axis=1)
    places = chosen(rows, utilities, 100, 60)
    assert len(set(places)) == 60
    assert set(np.argsort(-utilities)[:10]) <= set(places)
    assert set(range(990, 1000)) <= set(places)
    at_random = rng.choice(1000, 60, replace=False)
    gap, random_gap = (cdist(rows, rows[some]).min(axis=1).max() for some in (places, at_random))
    assert gap < 0.7 * random_gap


def test_the_posterior_stays_exact_and_the_receipt_says_what_was_fitted(monkeypatch):
    monkeypatch.setattr(fitting_module, "FIT_TO_ALL_UNTIL", 60)
    monkeypatch.setattr(fitting_module, "SUBSET", 48)
    optimizer = Optimizer(box(2))
    for row in np.random.default_rng(2).random((90, 2)).tolist():
        optimizer.tell({"x0": row[0], "x1": row[1]}, np.sin(6 * row[0]) + row[1])
    receipt = optimizer.ask(number=100).receipt
    assert (receipt.n_observed, receipt.n_fitted) == (90, 48)
    fitted = optimizer.fitted
    assert (fitted.n_observed, fitted.n_fitted) == (90, 48)
    (seen,) = optimizer.predict([{"x0": 0.5, "x1": 0.5}])
    assert abs(seen.mean - (np.sin(3) + 0.5)) < 0.01
