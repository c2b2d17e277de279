"""The median stopping rule against its definition."""

import statistics

from hypothesis import given
from hypothesis import strategies as st

from headway.wire.study import EarlyStopping
from headway_server.domain.stopping import hopeless

numbers = st.floats(-1e6, 1e6)


@given(st.lists(numbers, min_size=3, max_size=20), numbers)
def test_stops_where_the_best_is_strictly_worse_than_the_median(others, best):
    rule = EarlyStopping(min_trials=3)
    said = hopeless(rule, step=5, best=best, others=others, maximize=False)
    assert (said is not None) == (best > statistics.median(others))
    mirrored = hopeless(rule, step=5, best=-best, others=[-one for one in others], maximize=True)
    assert (mirrored is None) == (said is None)


def test_the_reason_has_the_numbers():
    rule = EarlyStopping(min_trials=2)
    said = hopeless(rule, step=7, best=0.75, others=[0.25, 0.5], maximize=False)
    assert said == ("Up to step 7 the best value is 0.75; the median over 2 completed trials is 0.375.")


def test_nobody_is_stopped_before_there_is_something_to_compare_with():
    assert hopeless(EarlyStopping(min_trials=3), step=9, best=9.0, others=[0.0, 0.0], maximize=False) is None
    late = EarlyStopping(min_trials=1, min_step=10)
    assert hopeless(late, step=9, best=9.0, others=[0.0], maximize=False) is None
    assert hopeless(late, step=10, best=9.0, others=[0.0], maximize=False) is not None
