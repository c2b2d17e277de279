"""The audit's statistics against scipy.stats and brute force."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from headway_server.domain.audit_statistics import null_test, summary, welch

values = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
samples = st.lists(values, min_size=2, max_size=30)


@given(samples)
def test_the_interval_of_a_mean_is_scipys(sample):
    assume(len(set(sample)) > 1)
    found = summary(sample)
    assert found.mean == pytest.approx(np.mean(sample), rel=1e-9, abs=1e-9)
    assert found.std_error == pytest.approx(stats.sem(sample), rel=1e-7)
    low, high = stats.t.interval(0.95, len(sample) - 1, loc=np.mean(sample), scale=stats.sem(sample))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-7, abs=1e-7)


@given(samples, samples)
def test_the_difference_of_two_means_is_scipys(first, second):
    assume(len(set(first)) > 1)
    assume(len(set(second)) > 1)
    found = welch(first, second)
    two = stats.ttest_ind(first, second, equal_var=False)
    one = stats.ttest_ind(first, second, equal_var=False, alternative="greater")
    assert found.p == pytest.approx(two.pvalue, rel=1e-6, abs=1e-12)
    assert found.p_greater == pytest.approx(one.pvalue, rel=1e-6, abs=1e-12)
    assert found.df == pytest.approx(two.df, rel=1e-6)
    interval = two.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(interval), rel=1e-6, abs=1e-6)


def test_samples_that_do_not_vary_differ_or_they_do_not():
    same, better = welch([0.1] * 10, [0.1] * 10), welch([0.3] * 10, [0.1] * 7)
    assert (same.p, same.p_greater, same.df) == (1.0, 1.0, None)
    assert (better.p, better.p_greater) == (0.0, 0.0)
    assert welch([0.1] * 3, [0.3] * 3).p_greater == 1.0
    assert summary([0.1] * 10).std_error == 0.0
    assert summary([0.1] * 10).mean == 0.1


def test_one_value_has_no_interval():
    found = summary([2.0])
    assert (found.n, found.mean, found.std_error, found.low, found.high) == (1, 2.0, None, None, None)


def test_sizes_that_squares_can_not_hold_are_no_trouble():
    found = welch([1e-170, 2e-170, 4e-170], [1e-170, 3e-170, 3e-170])
    assert 0 < found.p <= 1


@given(st.floats(-10, 10), st.lists(st.floats(-10, 10), min_size=1, max_size=40), st.floats(0.001, 0.5))
def test_p_against_a_null_is_counted_with_the_observed_among_them(observed, null, alpha):
    found = null_test(observed, null, alpha)
    as_good = sum(value >= observed - 1e-12 * abs(observed) for value in null)
    exact = Fraction(1 + as_good, 1 + len(null))
    assert found.at_least_as_good == as_good
    assert found.p == pytest.approx(float(exact), rel=1e-12)
    assert found.attainable == pytest.approx(1 / (1 + len(null)))
    assert found.p >= found.attainable
    assert found.monte_carlo_se == pytest.approx(float(exact * (1 - exact) / len(null)) ** 0.5)
    assert found.significant in (None, True, False)
    if found.significant is None:
        assert alpha < found.attainable


def test_below_the_attainable_p_nothing_is_called_significant():
    assert null_test(9.0, [0.0] * 18, 0.05).significant is None
    assert null_test(-9.0, [0.0] * 18, 0.05).significant is None
    assert null_test(9.0, [0.0] * 19, 0.05).significant is True
    assert null_test(9.0, [0.0] * 18 + [10.0], 0.05).significant is False
    assert null_test(9.0, [-math.inf] * 19, 0.05).significant is True


@pytest.mark.parametrize("campaigns", [9, 19, 39])
def test_the_test_has_its_level_at_any_number_of_campaigns(campaigns):
    """All orders of K + 1 exchangeable values are equally likely: by rank alone, without drawing any."""
    values = list(range(campaigns + 1))
    for alpha in (0.05, 0.1, 0.25):
        rejected = sum(
            bool(null_test(one, [other for other in values if other != one], alpha).significant)
            for one in values
        )
        assert rejected == math.floor(alpha * (campaigns + 1) * (1 + 1e-9))
