"""Fronts and volumes, against BoTorch and against brute force."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headway_server.domain.pareto import Front, contribution, dominates, hypervolume, reference_point
from headway_server.engine import boundary  # noqa: F401  (imports BoTorch past its deprecation warnings)

# Whole numbers make ties and duplicates likely.
number = st.integers(-4, 4).map(float) | st.floats(-5, 5)


def points(m, least=1, most=12):
    return st.lists(st.tuples(*[number] * m), min_size=least, max_size=most)


several = st.integers(1, 3).flatmap(points)


@given(several)
def test_the_front_is_what_nobody_dominates(utilities):
    front = Front()
    for i, point in enumerate(utilities):
        front.add(point, i)
    expected = {p for p in utilities if not any(dominates(q, p) for q in utilities)}
    assert set(front.points) == expected
    assert len(front.points) == len(expected)
    assert [utilities[i] for i in front.items] == front.points
    assert front.items == sorted(front.items)


@given(several)
def test_the_volume_is_botorchs(utilities):
    from botorch.utils.multi_objective.hypervolume import Hypervolume
    from botorch.utils.multi_objective.pareto import is_non_dominated

    m = len(utilities[0])
    reference = (-1.5,) * m
    y = torch.tensor(utilities, dtype=torch.float64)
    if m == 1:
        expected = max(0.0, float(y.max()) + 1.5)
    else:
        front = y[is_non_dominated(y)]
        expected = Hypervolume(torch.tensor(reference, dtype=torch.float64)).compute(front)
    assert hypervolume(utilities, reference) == pytest.approx(expected, abs=1e-9)


@given(several)
def test_contributions_add_up_to_the_volume(utilities):
    reference = (-2.0,) * len(utilities[0])
    front, total = Front(), 0.0
    for point in utilities:
        before = front.points
        if front.add(point, None):
            total += contribution(point, before, reference)
    assert total == pytest.approx(hypervolume(utilities, reference), abs=1e-9)


@given(st.integers(2, 3).flatmap(points))
def test_the_reference_point_is_botorchs(utilities):
    from botorch.utils.multi_objective.hypervolume import infer_reference_point

    front = Front()
    for point in utilities:
        front.add(point, None)
    expected = infer_reference_point(torch.tensor(front.points, dtype=torch.float64))
    for ours, theirs, values in zip(
        reference_point(front.points), expected.tolist(), zip(*front.points, strict=True), strict=True
    ):
        low, extent = min(values), max(values) - min(values)
        # BoTorch takes 1e-7 for a range of zero, which would make every volume of such a front vanish.
        if extent > 1e-6 or (len(front.points) == 1 and abs(low) > 1e-6):
            assert ours == pytest.approx(theirs)
        assert ours < low


def test_a_front_without_a_range_has_a_volume():
    front = [(1.0, 0.0, 5.0), (0.0, 1.0, 5.0)]
    assert hypervolume(front, reference_point(front)) > 0.1


def test_what_does_not_exceed_the_reference_counts_for_nothing():
    assert hypervolume([(1.0, 0.0), (0.0, 1.0)], (0.0, 0.0)) == 0.0
    assert hypervolume([], (0.0, 0.0)) == 0.0
    assert hypervolume([(2.0, 1.0), (1.0, 2.0)], (0.0, 0.0)) == 3.0
