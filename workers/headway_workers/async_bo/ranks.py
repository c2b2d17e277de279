"""Mean ranks of several methods over blocks, and which of them differ: the critical-difference diagram.

Demšar 2006, "Statistical comparisons of classifiers over multiple data sets", section 3.2.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import rankdata, studentized_range

from headway_workers.async_bo.functions import Array
from headway_workers.style import GREY, INK


def mean_ranks(scores: Mapping[str, Array]) -> dict[str, float]:
    """From each method's scores, (blocks,), smaller being better: mean ranks, the best first."""
    ranks = rankdata(np.array(list(scores.values())), axis=0).mean(axis=1).tolist()
    return dict(sorted(zip(scores, ranks, strict=True), key=lambda one: one[1]))


def critical_difference(methods: int, blocks: int, alpha: float = 0.05) -> float:
    """Two mean ranks farther apart than this differ at level α (Nemenyi's test, Demšar's equation 6)."""
    q = studentized_range.ppf(1.0 - alpha, methods, np.inf) / math.sqrt(2.0)
    return float(q * math.sqrt(methods * (methods + 1) / (6.0 * blocks)))


def alike(ranks: Mapping[str, float], difference: float) -> list[tuple[str, str]]:
    """The largest groups of methods, in order of rank, whose first and last are not told apart."""
    names, values = list(ranks), list(ranks.values())
    ends = [max(j for j, value in enumerate(values) if value - start <= difference) for start in values]
    largest = [(0, ends[0])] + [
        (i + 1, end) for i, (before, end) in enumerate(pairwise(ends)) if end > before
    ]
    return [(names[i], names[end]) for i, end in largest if end > i]


def draw_ranks(axes: Axes, scores: Mapping[str, Array]) -> None:
    """The diagram: a dot a method, and a bar over each group that is not told apart."""
    ranks = mean_ranks(scores)
    blocks = len(next(iter(scores.values())))
    difference = critical_difference(len(ranks), blocks)
    heights = {name: float(k) for k, name in enumerate(ranks)}
    for name, rank in ranks.items():
        axes.plot([0.0, rank], [heights[name]] * 2, color=GREY, lw=0.5, zorder=1)
        axes.plot(rank, heights[name], "o", color=INK, ms=5)
    for first, last in alike(ranks, difference):
        x = ranks[last] + 0.25
        axes.plot([x, x], [heights[first] - 0.2, heights[last] + 0.2], color=INK, lw=2.5, alpha=0.6)
    axes.set_yticks(list(heights.values()), list(heights), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(1.0, max(ranks.values()) + 1.0)
    axes.set_xlabel(f"mean rank; bars join what differs by less than {difference:.2f}", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
