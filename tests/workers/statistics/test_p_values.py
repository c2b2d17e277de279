import numpy as np
import pytest
from scipy.stats import monte_carlo_test, norm

from headway_workers.statistics.optimizers_curse import expected_maximum
from headway_workers.statistics.p_values import PValue, benjamini_hochberg, draws_for, exact, monte_carlo


def test_monte_carlo_p_is_scipys():
    null = np.random.default_rng(0).normal(size=499)

    def rvs(size):
        return null.reshape(size)

    theirs = monte_carlo_test(
        [1.2],
        rvs,
        lambda x, axis: x.sum(axis),
        n_resamples=499,
        alternative="greater",
    )
    assert monte_carlo(null, 1.2).p == pytest.approx(theirs.pvalue)


def test_p_is_never_zero_and_ties_count():
    assert monte_carlo(np.zeros(99), 5.0).p == 0.01
    assert monte_carlo(np.full(99, 5.0), 5.0 + 1e-14).p == 1.0
    assert exact(np.array([1.0, 2.0, 2.0, 0.0]), 2.0) == PValue(0.5, 0.0, 0.5)


def test_monte_carlo_p_keeps_its_level():
    rng = np.random.default_rng(1)
    p = [monte_carlo(null[1:], null[0]).p for null in rng.normal(size=(4_000, 20))]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / 4_000) ** 0.5)


def test_nothing_is_said_below_the_attainable_p_or_within_the_error():
    assert PValue(0.01, 0.001, 0.01).below(0.05) is True
    assert PValue(0.2, 0.001, 0.01).below(0.05) is False
    assert PValue(0.09, 0.0, 0.083).below(0.05) is None
    assert PValue(0.045, 0.004, 0.001).below(0.05) is None


def test_unusable_nulls_are_refused():
    with pytest.raises(ValueError, match="draw at least one"):
        monte_carlo(np.zeros(0), 1.0)
    with pytest.raises(ValueError, match="not among the 2"):
        exact(np.array([1.0, 2.0]), 3.0)


def test_benjamini_hochberg_by_hand():
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])


def test_draws_for_the_papers_p():
    assert draws_for(0.0039, 0.1) == pytest.approx(26_000, rel=0.03)


@pytest.mark.parametrize(("n", "bias"), [(2, np.pi**-0.5), (20, 1.87), (50, 2.25), (100, 2.51), (400, 2.97)])
def test_expected_maximum_is_the_table(n, bias):
    assert expected_maximum(n) == pytest.approx(bias, abs=0.005)
    drawn = norm.rvs(size=(4_000, n), random_state=0).max(axis=1)
    assert expected_maximum(n) == pytest.approx(drawn.mean(), abs=4 * drawn.std() / 4_000**0.5)
