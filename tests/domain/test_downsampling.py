"""Which points of a long series a plot gets."""

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headway_server.domain.downsampling import best_so_far, downsampled, extremes

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def records_of(values, *, maximize):
    sign = 1 if maximize else -1
    records, best = [], -math.inf
    for i, value in enumerate(values):
        if value is not None and sign * value > best:
            records.append(i)
            best = sign * value
    return records


@given(st.lists(st.none() | FINITE, max_size=200), st.integers(2, 60), st.booleans())
def test_it_keeps_within_the_limit_and_drops_no_incumbent_while_there_is_room(values, limit, maximize):
    chosen = downsampled(values, limit, maximize=maximize)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= limit
    records = records_of(values, maximize=maximize)
    if len(values) <= limit:
        assert chosen == list(range(len(values)))
    if len(records) <= limit:
        assert set(records) <= set(chosen)
    elif records:
        assert {records[0], records[-1]} <= set(chosen)


@given(st.lists(FINITE, min_size=100, max_size=400), st.integers(20, 60), st.booleans())
def test_the_lowest_and_the_highest_stay_while_there_is_room(values, limit, maximize):
    chosen = downsampled(values, limit, maximize=maximize)
    if len(records_of(values, maximize=maximize)) <= limit - 2:
        assert {min(values), max(values)} <= {values[i] for i in chosen}


def test_most_of_the_room_is_used_and_failures_get_their_share():
    values = [None if k % 4 == 0 else math.sin(k) for k in range(10_000)]
    chosen = downsampled(values, 1_000, maximize=True)
    assert len(chosen) >= 950
    assert 200 <= sum(values[i] is None for i in chosen) <= 260
    gaps = [b - a for a, b in pairwise([0, *chosen, 9_999])]
    assert max(gaps) <= 60


def test_of_too_many_incumbents_the_first_and_the_last_stay():
    chosen = downsampled([float(k) for k in range(100)], 10, maximize=True)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 99, 10)


@given(st.lists(FINITE, max_size=50), st.booleans())
def test_the_best_so_far_is_that_of_a_loop(values, maximize):
    found = np.flatnonzero(best_so_far(np.array(values, dtype=float), maximize=maximize))
    assert found.tolist() == records_of(values, maximize=maximize)


@given(st.lists(FINITE, max_size=120), st.integers(1, 20))
def test_each_bucket_gives_its_lowest_and_its_highest(values, buckets):
    chosen = extremes(np.array(values, dtype=float), buckets)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    used = min(buckets, len(values))
    for k in range(used):
        inside = [i for i in range(len(values)) if i * used // len(values) == k]
        assert max(len(inside), 1) <= -(-len(values) // used)
        kept = [values[i] for i in chosen if i in inside]
        assert 1 <= len(kept) <= 2
        assert min(kept) == min(values[i] for i in inside)
        assert max(kept) == max(values[i] for i in inside)
