import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headway_server.domain import pareto
from headway_workers.rewarded_soups.fronts import (
    best_weighted,
    gain_ratio,
    hypervolume,
    hypervolume_ratio,
    hypervolume_ratio_interval,
    nadir,
)
from headway_workers.rewarded_soups.published import LOCOMOTION_ENDS, LOCOMOTION_START

with warnings.catch_warnings():  # botorch's libraries use torch.jit.script, which torch has deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    from botorch.utils.multi_objective.hypervolume import Hypervolume

rewards = st.integers(2, 4).flatmap(
    lambda k: arrays(float, st.tuples(st.integers(1, 12), st.just(k)), elements=st.floats(-5, 5, width=16))
)


@settings(max_examples=60, deadline=None)
@given(rewards)
def test_hypervolume_is_botorchs_and_the_services(points):
    reference = np.full(points.shape[1], -2.0)
    ours = hypervolume(points, reference)
    nondominated = [p for p in points if not any((q >= p).all() and (q > p).any() for q in points)]
    botorchs = Hypervolume(torch.from_numpy(reference)).compute(torch.tensor(np.array(nondominated)))
    assert ours == pytest.approx(botorchs, rel=1e-10, abs=1e-10)
    services = pareto.hypervolume(points.tolist(), (-2.0,) * points.shape[1])
    assert ours == pytest.approx(services, rel=1e-10, abs=1e-10)


def test_published_ends_dominate_two_overlapping_boxes():
    # By hand, above the pretrained humanoid: 2021.3 × 2848.3 + (4622.1 − 2021.3) × 2065.7.
    assert hypervolume(LOCOMOTION_ENDS, LOCOMOTION_START) == pytest.approx(11_129_741.35, rel=1e-9)


def test_reference_at_the_nadir_is_the_worst_of_each_reward():
    assert nadir(np.array([[1.0, 5.0]]), np.array([[2.0, 3.0], [0.5, 9.0]])).tolist() == [0.5, 3.0]


def test_ratio_needs_something_to_divide_by():
    with pytest.raises(ValueError, match=r"exceeds the reference \[1.0, 1.0\]"):
        hypervolume_ratio(np.array([[2.0, 2.0]]), np.array([[0.0, 5.0]]), np.ones(2))


def test_ratio_interval_covers_the_true_ratio():
    # Two policies of the means (1, 1) and (2, 0.5) against one of (2, 1): the true ratio is 1.5 / 2.
    means, covered = np.array([[1.0, 1.0], [2.0, 0.5], [2.0, 1.0]]), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        samples = means[:, None] + 0.3 * rng.standard_normal((3, 200, 2))
        found = hypervolume_ratio_interval(samples[:2], samples[2:], np.zeros(2), rng, resamples=200)
        assert found.low <= found.value <= found.high
        covered += found.low <= 0.75 <= found.high
    assert covered >= 51  # 57 expected, standard deviation 1.7


def test_gain_is_measured_from_the_start():
    points, others = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 1.0]])
    preferences = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    assert best_weighted(others, preferences).tolist() == [2.0, 1.0, 1.0]
    start = np.array([-1.0, 0.0])
    assert gain_ratio(points, others, start, preferences) == pytest.approx([2 / 3, 1.0, 1.0 / 1.5])
    with pytest.raises(ValueError, match=r"preference \[0.0, 1.0\]"):
        gain_ratio(points, others, np.array([0.0, 3.0]), preferences)
