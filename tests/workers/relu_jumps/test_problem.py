import numpy as np
import pytest

from headway_workers.relu_jumps.problem import Problem, draw_patterns, draw_problem, draw_weights


def test_label_laws_are_what_they_are_called():
    plain = draw_problem(1000, seed=0, pos_fraction=0.3)
    assert set(np.abs(plain.labels)) == {1.0}
    assert set(plain.norms) == {1.0}
    assert plain.positive.sum() == 300
    spread = draw_problem(1000, seed=0, label_spread=0.5)
    assert 1.0 <= np.abs(spread.labels).min() < 1.02
    assert 1.48 < np.abs(spread.labels).max() <= 1.5
    dana = draw_problem(1000, seed=0, law="dana")
    for drawn in (np.abs(dana.labels), dana.norms):
        assert 1.0 <= drawn.min() < 1.02
        assert 1.98 < drawn.max() <= 2.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n": 0}, "n = 0"),
        ({"n": 4, "pos_fraction": 1.5}, r"pos_fraction = 1\.5"),
        ({"n": 4, "label_spread": -1.0}, r"label_spread = -1\.0"),
        ({"n": 4, "law": "gauss"}, "'gauss'.*'rademacher' or 'dana'"),
        ({"n": 4, "law": "dana", "label_spread": 1.0}, "leave it at 0"),
    ],
)
def test_argument_out_of_range_is_named_with_its_value(arguments, says):
    with pytest.raises(ValueError, match=says):
        draw_problem(seed=0, **arguments)


@pytest.mark.parametrize(
    ("labels", "norms", "says"),
    [
        ([1.0, 2.0], [1.0], r"\(2,\) and \(1,\)"),
        ([], [], "at least 1"),
        ([1.0, 0.0], [1.0, 1.0], "not 0"),
        ([1.0, np.nan], [1.0, 1.0], "finite"),
        ([1.0, 1.0], [1.0, 0.0], "norms must be"),
    ],
)
def test_data_that_make_no_sense_are_refused(labels, norms, says):
    with pytest.raises(ValueError, match=says):
        Problem(np.array(labels), np.array(norms))


def test_weights_have_the_signs_of_their_pattern():
    patterns = draw_patterns((3, 4), range(5), 7, 9)
    for k in range(5):
        weights = draw_weights((3, 4), k, 7, 9)
        np.testing.assert_array_equal(weights.a > 0, patterns.output[k])
        np.testing.assert_array_equal(weights.w > 0, patterns.active[k])


def test_initialisations_are_balanced_or_have_a_dominant_output():
    balanced = draw_weights((0,), 0, 50, 30)
    np.testing.assert_allclose(np.abs(balanced.a), np.linalg.norm(balanced.w, axis=1))
    dominant = draw_weights((0,), 0, 50, 30, "dominant_output")
    np.testing.assert_array_equal(dominant.w, balanced.w)
    excess = np.abs(dominant.a) - np.linalg.norm(dominant.w, axis=1)
    assert (excess > 0).all()
    assert excess.mean() == pytest.approx(1.0, abs=0.5)


def test_weights_are_standard_normal_over_root_n():
    w = draw_weights((0,), 0, 200, 100).w * 10.0
    assert w.mean() == pytest.approx(0.0, abs=0.03)
    assert w.std() == pytest.approx(1.0, abs=0.02)


def test_families_and_networks_differ():
    one = draw_patterns((0, 1), range(2), 8, 16).active
    other = draw_patterns((0, 2), range(2), 8, 16).active
    assert (one != other).any()
    assert (one[0] != one[1]).any()
