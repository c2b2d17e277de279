import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_workers.relu_jumps.closed_forms import (
    half_width,
    interpolation_probability,
    scaled_width,
    union_bound_width,
)
from headway_workers.relu_jumps.problem import draw_patterns, draw_problem
from tests.workers.relu_jumps.reference import probability_by_enumeration


@pytest.mark.parametrize(
    ("m", "positive", "negative"), [(1, 1, 0), (2, 1, 1), (3, 2, 1), (4, 0, 2), (2, 3, 2)]
)
def test_probability_is_that_of_all_cases_enumerated(m, positive, negative):
    expected = probability_by_enumeration(m, positive, negative)
    assert interpolation_probability(m, positive, negative) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@given(st.integers(1, 200), st.integers(0, 5000), st.integers(0, 5000))
def test_probability_grows_with_width_and_keeps_the_union_bound(m, positive, negative):
    p = interpolation_probability(m, positive, negative)
    assert 0.0 <= p <= 1.0 + 1e-12
    assert p <= interpolation_probability(m + 1, positive, negative) + 1e-12
    assert p >= 1.0 - (positive + negative) * 0.75**m - 1e-9


def test_probability_of_no_data_is_one():
    assert interpolation_probability(5, 0, 0) == pytest.approx(1.0)


@given(st.integers(1, 10**6), st.floats(1e-6, 0.5))
def test_union_bound_width_is_the_least_that_keeps_the_bound(n, doubt):
    m = union_bound_width(n, doubt)
    assert n * 0.75**m <= doubt * (1.0 + 1e-9)
    assert n * 0.75 ** (m - 1) >= doubt * (1.0 - 1e-9)


@pytest.mark.parametrize("n", [32, 100, 1000, 16384])
def test_scaled_width_at_ratio_one_is_the_union_bounds(n):
    assert scaled_width(1.0, n) == union_bound_width(n, 0.05)


def test_half_width_has_half_the_probability():
    m = half_width(100)
    low, high = (interpolation_probability(int(m) + k, 50, 50) for k in (0, 1))
    assert low < 0.5 <= high
    assert low + (m - int(m)) * (high - low) == pytest.approx(0.5)


def test_share_of_drawn_networks_is_near_the_probability():
    problem = draw_problem(40, seed=0, pos_fraction=0.25)
    exact = interpolation_probability(14, 10, 30)
    share = draw_patterns((5,), range(2000), 14, 40).interpolates(problem).mean()
    assert abs(share - exact) <= 4.0 * (exact * (1.0 - exact) / 2000) ** 0.5
