"""Shares of a whole, drawn uniformly: from as many uniform numbers, one component after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Number = TypeVar("Number", float, "npt.NDArray[np.float64]")


def shares(uniform: Sequence[Number], whole: float = 1.0) -> list[Number]:
    """As many shares as numbers, that sum to a whole: uniform over them where the k numbers are in [0, 1).

    The j-th of k is the part 1 − u^(1 / (k − j)) of what is left, which is Beta(1, k − j) distributed: the
    conditional distributions of Dirichlet(1, …, 1) (Rosenblatt 1952, "Remarks on a multivariate
    transformation"), so a low-discrepancy sequence stays one. The last number is not used. Each number may
    be an array, of one shape.
    """
    left = uniform[0] * 0.0 + whole
    found: list[Number] = []
    for after, u in zip(range(len(uniform) - 1, 0, -1), uniform, strict=False):
        share = left * (1.0 - u ** (1.0 / after))
        found.append(share)
        left = left - share
    found.append(left)
    return found
