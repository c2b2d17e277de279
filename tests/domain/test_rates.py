"""The generic cell rate algorithm against a token bucket that is refilled by hand."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_server.domain import rates
from headway_server.domain.rates import Rate, RateLimiter

RATES = st.builds(Rate, per_s=st.sampled_from([0.25, 0.5, 1.0, 4.0, 64.0]), burst=st.integers(1, 20))


@given(RATES, st.lists(st.integers(0, 3000), max_size=60))
def test_it_lets_through_what_a_bucket_of_tokens_would(rate, gaps):
    """Times in 1/1024 s, so that floats are exact."""
    limiter, tokens, now = RateLimiter(), Fraction(rate.burst), Fraction(0)
    for gap in gaps:
        now += Fraction(gap, 1024)
        tokens = min(Fraction(rate.burst), tokens + Fraction(gap, 1024) * Fraction(rate.per_s))
        taken = limiter.take("k", rate, float(now))
        if tokens >= 1:
            tokens -= 1
            assert taken.retry_after_s is None
            assert taken.left == int(tokens)
        else:
            assert taken.retry_after_s == pytest.approx(float((1 - tokens) / Fraction(rate.per_s)))
        assert taken.whole_in_s == pytest.approx(float((rate.burst - tokens) / Fraction(rate.per_s)))


@given(RATES, st.floats(0, 1e6))
def test_whoever_waits_as_long_as_it_is_told_is_let_through(rate, start):
    limiter, now = RateLimiter(), start
    for _ in range(60):
        taken = limiter.take("k", rate, now)
        if taken.retry_after_s is not None:
            now += taken.retry_after_s
            assert limiter.take("k", rate, now).retry_after_s is None


def test_callers_do_not_share():
    limiter, rate = RateLimiter(), Rate(1.0, 1)
    assert limiter.take("a", rate, 0.0).retry_after_s is None
    assert limiter.take("a", rate, 0.0).retry_after_s == 1.0
    assert limiter.take("b", rate, 0.0).retry_after_s is None


def test_who_has_the_whole_burst_again_is_forgotten(monkeypatch):
    monkeypatch.setattr(rates, "REMEMBERED", 3)
    limiter, rate = RateLimiter(), Rate(1.0, 2)
    limiter.take("busy", rate, 9.5)
    for caller in range(10):
        limiter.take(caller, rate, 0.9 * caller)
    assert len(limiter._arrival_s) <= 4
    assert limiter.take("busy", rate, 9.5).left == 0
