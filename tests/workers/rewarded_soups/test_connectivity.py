import numpy as np
import pytest
from scipy.stats import ttest_rel

from headway_workers.rewarded_soups.connectivity import margins, margins_of_means
from headway_workers.rewarded_soups.published import CAPTIONING, NEWS_SUMMARIES, WEIGHTS


def segment_of(table):
    ends = table[[0, -1]]
    return margins_of_means(table, ends, np.stack([1.0 - WEIGHTS, WEIGHTS], axis=1))


def test_authors_captions_are_connected_with_the_margins_known_beforehand():
    found = segment_of(CAPTIONING)
    assert found.min() > -1e-12
    assert np.round(found.max(axis=0), 4).tolist() == [0.0030, 0.0026]


def test_authors_summaries_are_connected_with_the_margins_known_beforehand():
    found = segment_of(NEWS_SUMMARIES)
    assert found.min() > -1e-12
    assert np.round(found.max(axis=0), 3).tolist() == [0.091, 0.159]


def test_margins_are_paired_and_have_students_error():
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((1, 400, 2))
    ends = shared + 0.01 * rng.standard_normal((2, 400, 2))
    points = shared + np.array([0.02, -0.03]) + 0.01 * rng.standard_normal((3, 400, 2))
    weights = np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]])
    found = margins(points, ends, weights, rng)
    against = ttest_rel(points[1, :, 0], ends[:, :, 0].mean(axis=0))
    assert found.in_errors[1, 0] == pytest.approx(against.statistic, rel=1e-10)
    # What soups and ends share, 100 times the rest, has cancelled.
    assert np.abs(found.mean - [0.02, -0.03]).max() < 0.005
    assert found.smallest_in_errors == found.in_errors[:, 1].min() < -20


def test_bootstrap_interval_is_the_normal_one_where_samples_are_many():
    rng = np.random.default_rng(1)
    ends, points = rng.standard_normal((2, 2_000, 1)), rng.standard_normal((1, 2_000, 1))
    found = margins(points, ends, np.array([[0.5, 0.5]]), rng, resamples=4_000)
    half = 1.96 * found.standard_error
    assert np.abs(found.low - (found.mean - half)).max() < 0.1 * half.min()
    assert np.abs(found.high - (found.mean + half)).max() < 0.1 * half.min()


def test_end_itself_has_no_margin():
    ends = np.random.default_rng(2).standard_normal((2, 50, 2))
    found = margins(ends[:1], ends, np.array([[1.0, 0.0]]), np.random.default_rng(0))
    assert found.mean.tolist() == found.standard_error.tolist() == [[0.0, 0.0]]
    assert found.smallest_in_errors == 0.0


def test_shapes_that_do_not_fit_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"\(2, 5, 1\) of ends"):
        margins(np.zeros((3, 4, 1)), np.zeros((2, 5, 1)), np.zeros((3, 2)), rng)
    with pytest.raises(ValueError, match="two samples"):
        margins(np.zeros((3, 1, 1)), np.zeros((2, 1, 1)), np.full((3, 2), 0.5), rng)
