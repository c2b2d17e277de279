import pytest

from benchmarks.evaluations.matrix_completion import apart, by_entries, by_rows, masked, ours
from headway_workers.matrix_completion.synthetic import Ensemble


@pytest.mark.parametrize(("algorithm", "plain"), [("VGD", masked), ("VGD", by_entries), ("AltMin", by_rows)])
def test_descent_is_what_one_writes_down_with_loops(algorithm, plain):
    observed = Ensemble(40, 30, 2, 0.6).draw(0).observed
    assert apart(ours(observed, 2, 3, algorithm), plain(observed, 2, 3)) < 1e-8
