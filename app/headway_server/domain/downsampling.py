"""Fewer points for a plot, chosen so that it looks the same and no incumbent is missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def downsampled(values: Sequence[float | None], max_points: int, *, maximize: bool) -> list[int]:
    """The indices, ascending, of at most `max_points` entries of a series.

    Every entry that was the best so far is kept, as long as there is room for all of them; entries without a
    value get their share, evenly spread; the rest of the room goes to the lowest and the highest entry of
    each of equal buckets.

    Args:
        values: of shape (n,); None where an entry has no value.
        max_points: at least 2.
        maximize: whether larger is better.
    """
    n = len(values)
    if n <= max_points:
        return list(range(n))
    heights = np.array(values, dtype=float)  # None becomes NaN
    measured = np.flatnonzero(~np.isnan(heights))
    records = measured[best_so_far(heights[measured], maximize=maximize)]
    return thinned(heights, records, max_points)


def thinned(heights: NDArray[np.float64], kept: Indices, max_points: int) -> list[int]:
    """The indices, ascending, of at most `max_points` entries of a series: as `downsampled` says, but that
    the caller has chosen what is kept while there is room for it.

    Args:
        heights: of shape (n,); NaN where an entry has no value.
        kept: indices, ascending.
        max_points: at least 2.
    """
    n = len(heights)
    if n <= max_points:
        return list(range(n))
    bare, measured = np.flatnonzero(np.isnan(heights)), np.flatnonzero(~np.isnan(heights))
    kept = kept[evenly(len(kept), max_points)]
    share = evenly(len(bare), (max_points - len(kept)) * len(bare) // n)
    room = max_points - len(kept) - len(share)
    others = np.setdiff1d(measured, kept, assume_unique=True)
    shape = others[extremes(heights[others], room // 2)]
    chosen: list[int] = np.sort(np.concatenate([kept, bare[share], shape])).tolist()
    return chosen


def best_so_far(values: NDArray[np.float64], *, maximize: bool) -> NDArray[np.bool_]:
    """Of shape (n,): whether an entry is better than all before it."""
    heights = values if maximize else -values
    before = np.concatenate([[-np.inf], np.maximum.accumulate(heights)[:-1]]) if len(values) else heights
    return heights > before


def extremes(values: NDArray[np.float64], buckets: int) -> Indices:
    """Indices, ascending, of the lowest and the highest value of each bucket of a series, which has as many
    values as any other or one more; one index where the two are the same entry.

    Jugel, Jerzak, Hackenbroich and Markl 2014, "M4: A Visualization-Oriented Time Series Data Aggregation",
    section 4.2 (MinMax aggregation).
    """
    n = len(values)
    if buckets < 1 or n == 0:
        return np.zeros(0, dtype=np.int64)
    bucket = np.arange(n) * min(buckets, n) // n
    ranked = np.lexsort((values, bucket))  # by bucket, lowest value first
    first = np.flatnonzero(np.diff(bucket, prepend=-1))
    last = np.append(first[1:], n) - 1
    return np.unique(np.concatenate([ranked[first], ranked[last]]))


def evenly(n: int, count: int) -> Indices:
    """Indices, ascending, of at most `count` of n entries: all of them, or evenly spread from the first to
    the last.
    """
    if n <= count:
        return np.arange(n)
    return np.linspace(0, n - 1, count).astype(np.int64)
