from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.patience import Patience, retry_after_s


@given(retry=st.integers(0, 10_000), first=st.floats(0.01, 5), longest=st.floats(0.01, 60))
def test_pause_lies_between_zero_and_the_doubled_ceiling(retry, first, longest):
    patience = Patience(total_s=1e9, first_s=first, longest_s=longest)
    pause = patience.pause_s(retry, 0.0)
    assert pause is not None
    assert 0.0 <= pause <= min(longest, first * 2.0 ** min(retry, 60))


def test_gives_up_where_the_pause_would_outlast_the_patience():
    assert Patience(total_s=10).pause_s(0, 9.99, uniform=lambda _, high: high) is None


def test_no_patience_is_one_try():
    assert Patience(total_s=0).pause_s(0, 0.001) is None


def test_pause_is_at_least_what_the_server_asked_for():
    assert Patience().pause_s(0, 0.0, 7.0) >= 7.0


def test_gives_up_at_once_where_the_server_asks_for_more_than_the_patience():
    assert Patience(total_s=5).pause_s(0, 0.0, 7.0) is None


NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header, seconds):
    assert retry_after_s(header, NOW) == seconds
