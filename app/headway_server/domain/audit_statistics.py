"""The statistics of an audit, of plain numbers: utilities, of which larger is better.

scipy.special has Student's t without scipy.stats, whose import takes longer than a server should start.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
"""Of every interval."""

NOTHING = -math.inf
"""The utility of a campaign that found nothing which counts."""


@dataclass(frozen=True)
class Summary:
    """A sample's mean with its interval."""

    n: int
    mean: float
    std_error: float | None
    """s/√n; None for one value."""
    low: float | None
    """Of mean ± t(0.975, n − 1) · s/√n."""
    high: float | None


@dataclass(frozen=True)
class WelchTest:
    """The difference of two means whose variances may differ (Welch 1947)."""

    estimate: float
    low: float
    high: float
    df: float | None
    """Welch–Satterthwaite; None where neither sample varies."""
    p: float
    """Two-sided."""
    p_greater: float
    """One-sided: of the hypothesis that the first mean is not greater."""


@dataclass(frozen=True)
class NullTest:
    """An observed statistic among draws from its null."""

    campaigns: int
    at_least_as_good: int
    p: float
    attainable: float
    monte_carlo_se: float
    significant: bool | None
    """None where the level is below the attainable p."""


def summary(values: Sequence[float]) -> Summary:
    """The mean of n ≥ 1 values, its standard error and its interval."""
    from scipy.special import stdtrit

    n, mean = len(values), _mean(values)
    if n < 2:
        return Summary(n, mean, None, None, None)
    std_error = math.sqrt(_variance(values) / n)
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * std_error
    return Summary(n, mean, std_error, mean - half, mean + half)


def welch(first: Sequence[float], second: Sequence[float]) -> WelchTest:
    """Whether two samples of at least two values each have the same mean.

    Where neither varies, the means are equal or they are not: p is 1 or 0.
    """
    from scipy.special import stdtr, stdtrit

    estimate = _mean(first) - _mean(second)
    parts = [_variance(values) / len(values) for values in (first, second)]
    std_error = math.sqrt(sum(parts))
    if std_error == 0.0:
        p = 1.0 if estimate == 0.0 else 0.0
        return WelchTest(estimate, estimate, estimate, None, p, p if estimate >= 0.0 else 1.0)
    shares = [part / sum(parts) for part in parts]  # before squaring: the square of a small one is nothing
    df = 1 / sum(share**2 / (len(values) - 1) for share, values in zip(shares, (first, second), strict=True))
    t = estimate / std_error
    half = float(stdtrit(df, (1 + CONFIDENCE) / 2)) * std_error
    return WelchTest(
        estimate, estimate - half, estimate + half, df, 2 * float(stdtr(df, -abs(t))), float(stdtr(df, -t))
    )


def null_test(observed: float, null: Sequence[float], alpha: float) -> NullTest:
    """The p-value (1 + #{null ≥ observed})/(K + 1) over K ≥ 1 draws (Phipson & Smyth 2010, "Permutation
    p-values should never be zero"): never below 1/(K + 1), and a test of level alpha at any K. Differences of
    less than 1e-12 of the observed value are none.
    """
    campaigns = len(null)
    slack = 1e-12 * abs(observed)
    as_good = sum(value >= observed - slack for value in null)
    p = (1 + as_good) / (campaigns + 1)
    attainable = 1 / (campaigns + 1)
    return NullTest(
        campaigns,
        as_good,
        p,
        attainable,
        math.sqrt(p * (1 - p) / campaigns),
        None if alpha < attainable * (1 - 1e-12) else p <= alpha * (1 + 1e-12),
    )


def _mean(values: Sequence[float]) -> float:
    # The mean of equal values is that value, which a sum divided by n need not be.
    return values[0] if min(values) == max(values) else math.fsum(value / len(values) for value in values)


def _variance(values: Sequence[float]) -> float:
    """Of a sample: over n − 1."""
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
