import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare

from headway_workers.async_bo.ranks import alike, critical_difference, mean_ranks


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (5, 2.728), (10, 3.164)])
def test_critical_differences_are_those_of_the_published_table(methods, q):
    """Demšar 2006, table 5a."""
    blocks = 30
    expected = q * np.sqrt(methods * (methods + 1) / (6 * blocks))
    assert critical_difference(methods, blocks) == pytest.approx(expected, rel=1e-3)


def test_mean_ranks_give_friedmans_statistic():
    scores = dict(zip("abcd", np.random.default_rng(0).random((4, 25)), strict=True))
    ranks = np.array(list(mean_ranks(scores).values()))
    statistic = 12 * 25 / (4 * 5) * ((ranks**2).sum() - 4 * 25 / 4)
    assert statistic == pytest.approx(friedmanchisquare(*scores.values()).statistic)


@given(st.lists(st.floats(1, 12), min_size=1, max_size=10), st.floats(0, 6))
def test_groups_are_the_largest_runs_within_the_difference(values, difference):
    ranks = dict(sorted(((str(k), value) for k, value in enumerate(values)), key=lambda one: one[1]))
    names = list(ranks)
    runs = {
        (i, j)
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if ranks[names[j]] - ranks[names[i]] <= difference
    }
    largest = {(i, j) for i, j in runs if not any((a, b) != (i, j) and a <= i and j <= b for a, b in runs)}
    assert {(names.index(a), names.index(b)) for a, b in alike(ranks, difference)} == largest
