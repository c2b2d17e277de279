"""p-values of Monte-Carlo and exact tests, with what they can and cannot resolve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

Array = NDArray[np.floating[Any]]

TIE = 1e-12
"""A null value that falls short of the observed one by less counts as reaching it (rounding)."""
FIRM = 3.0
"""Monte-Carlo standard errors that a p-value must lie away from a level to be on one side of it."""


@dataclass(frozen=True)
class PValue:
    """A p-value, its Monte-Carlo standard error and the smallest value that it could have taken."""

    p: float
    mc_se: float
    """0 where every arrangement was counted."""
    attainable: float

    def below(self, alpha: float) -> bool | None:
        """Whether p ≤ alpha; None where this test can't tell.

        It can't where even its smallest attainable p is above alpha, or where p lies within three of its
        Monte-Carlo standard errors of alpha.
        """
        if self.attainable > alpha or abs(self.p - alpha) < FIRM * self.mc_se:
            return None
        return self.p <= alpha


def monte_carlo(null: Array, observed: float, *, attainable: float = 0.0) -> PValue:
    """P = (b + 1)/(B + 1) for b of B random null values ≥ observed (Phipson & Smyth 2010, eq. 2).

    b/B understates p by about 1/B, and can be 0. The standard error is √(p(1 − p)/B). `attainable` is the
    limit that the data set beside the number of draws, such as 2/n! for few labels.

    Raises:
        ValueError: there are no null values.
    """
    draws = len(null)
    if draws == 0:
        raise ValueError("A Monte-Carlo p-value needs null values, and got none: draw at least one.")
    p = (np.count_nonzero(null >= observed - TIE) + 1) / (draws + 1)
    return PValue(float(p), math.sqrt(p * (1.0 - p) / draws), max(1.0 / (draws + 1), attainable))


def exact(everything: Array, observed: float) -> PValue:
    """P = #{T ≥ observed}/N over all N arrangements, the observed one among them.

    The smallest attainable p is that of the largest arrangement, ties included.

    Raises:
        ValueError: the observed value is larger than every arrangement's, so it is not among them.
    """
    count = np.count_nonzero(everything >= observed - TIE)
    if count == 0:
        raise ValueError(f"{observed} is not among the {len(everything)} arrangements of an exact test.")
    top = np.count_nonzero(everything >= everything.max() - TIE)
    return PValue(float(count / len(everything)), 0.0, float(top / len(everything)))


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the false discovery rate (Benjamini & Hochberg 1995), in order."""
    return [float(q) for q in false_discovery_control(np.asarray(p, dtype=float), method="bh")]


def draws_for(p: float, relative_error: float) -> int:
    """Draws at which a p-value's Monte-Carlo standard error is this share of it: (1 − p)/(p ε²)."""
    return math.ceil((1.0 - p) / (p * relative_error**2))
