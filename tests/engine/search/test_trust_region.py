import numpy as np
import pytest

from headway_server.engine import Optimizer
from headway_server.engine.gp.acquisition import UpperConfidenceBound
from headway_server.engine.gp.posterior import Posterior
from headway_server.engine.search.restarts import Effort
from headway_server.engine.search.surfaces import AcquisitionSurface
from headway_server.engine.search.trust_region import FIRST_LENGTH, LONGEST, TrustRegion
from tests.engine.spaces import box

HERE, FAR = np.full(4, 0.5), np.zeros(4)


def taught(*outcomes):
    """A region after a first result in the middle and then (where, utility) in turn."""
    region = TrustRegion(4)
    region.tell(HERE, 0.0)
    for row, utility in outcomes:
        region.tell(row, utility)
    return region


def test_three_improvements_in_a_row_double_the_box_up_to_a_limit():
    assert taught((HERE, 1.0), (HERE, 2.0)).length == FIRST_LENGTH
    assert taught((HERE, 1.0), (HERE, 2.0), (HERE, 3.0)).length == 2 * FIRST_LENGTH
    assert taught(*[(HERE, float(k)) for k in range(1, 20)]).length == LONGEST


def test_failures_within_the_box_halve_it_and_others_do_not():
    assert taught(*[(HERE, -1.0)] * 3).length == FIRST_LENGTH
    assert taught(*[(HERE, -1.0)] * 4).length == FIRST_LENGTH / 2
    assert taught(*[(FAR, -1.0)] * 50).length == FIRST_LENGTH


def test_the_smallest_box_is_followed_by_a_new_large_one():
    lengths = [taught(*[(HERE, -1.0)] * (4 * k)).length for k in range(10)]
    assert min(lengths) >= 0.5**7
    assert FIRST_LENGTH in lengths[1:]


def test_the_mode_that_has_brought_more_is_chosen_more_often():
    rng = np.random.default_rng(0)
    local = taught(*[(HERE, float(k)) for k in range(1, 9)], *[(FAR, -1.0)] * 20)
    everywhere = TrustRegion(4)
    everywhere.tell(HERE, 0.0)
    for k in range(20):
        everywhere.tell(HERE, -1.0)
        everywhere.tell(np.full(4, float(k % 2)), float(k + 1))
        everywhere.tell(HERE, float(k + 1) - 1e-9)
    shares = [np.mean([region.chosen(rng) for _ in range(300)]) for region in (local, everywhere)]
    assert shares[0] > 0.9
    assert shares[1] < 0.2


@pytest.mark.parametrize("n", [30, 200])
def test_searches_a_box_shaped_by_the_lengthscales(problem, n):
    hyperparameters, rows, z, variances = problem(n, 4)
    hyperparameters = hyperparameters.model_copy(update={"lengthscales": (0.1, 0.2, 0.4, 0.8)})
    posterior = Posterior.build(hyperparameters, rows, z, variances)
    surface = AcquisitionSurface(posterior, UpperConfidenceBound(1.0))
    region = taught(*[(HERE, -1.0)] * 8)
    found, values = region.search(surface, posterior, HERE, np.random.default_rng(1), Effort())
    sides = region.length * np.array([0.1, 0.2, 0.4, 0.8]) / (0.1 * 0.2 * 0.4 * 0.8) ** 0.25
    assert (np.abs(found - HERE) <= sides / 2 + 1e-12).all()
    np.testing.assert_allclose(values, surface.values(found))
    assert (np.diff(values) <= 0).all()
    assert values[0] >= surface.values(HERE[None])[0]


def told(seed=0, d=20, n=40):
    optimizer = Optimizer(box(d), seed=seed)
    for row in np.random.default_rng(0).random((n, d)).tolist():
        optimizer.tell({f"x{i}": v for i, v in enumerate(row)}, float(np.sum((np.array(row) - 0.4) ** 2)))
    return optimizer


def test_takes_part_in_twenty_dimensions_and_the_receipt_says_so():
    optimizer = told()
    receipts = [optimizer.ask(number=50 + k, given_out=[]).receipt for k in range(40)]
    assert {receipt.local for receipt in receipts} == {True, False}
    small = Optimizer(box(2))
    for x in np.linspace(0, 1, 9):
        small.tell({"x0": float(x), "x1": 0.5}, float(x))
    assert not any(small.ask(number=50 + k, given_out=[]).receipt.local for k in range(12))


def test_equal_histories_choose_the_same_mode_and_point():
    for number in (60, 61, 62):
        first, second = (told().ask(number=number, given_out=[]) for _ in range(2))
        assert first.params == second.params
        assert first.receipt.local == second.receipt.local
