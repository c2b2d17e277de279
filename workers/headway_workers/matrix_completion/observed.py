"""The entries of a matrix that were seen.

A matrix M (d1 × d2) of rank about r is seen on a random set Ω of entries, each with probability p. P_Ω(M)
has the entries of Ω and 0 elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Matrix: TypeAlias = Any
"""A real matrix, float32 or float64: NumPy's, or torch's on a device. The formulas are the same."""


@dataclass(frozen=True)
class Observed:
    """P_Ω(M) entry by entry, in row-major order without repetition.

    Raises:
        ValueError: nothing was seen, or the entries are not in row-major order.
    """

    shape: tuple[int, int]
    rows: NDArray[np.int64]
    """Row of each entry, shape (n,)."""
    columns: NDArray[np.int64]
    """Column of each entry, shape (n,)."""
    values: NDArray[Any]
    """Value of each entry, shape (n,); its dtype, float32 or float64, is that of all that follows."""

    def __post_init__(self) -> None:
        if not len(self.values):
            raise ValueError("No entry of the matrix was seen; at least one is needed.")
        place = self.rows * self.shape[1] + self.columns
        if not (np.diff(place) > 0).all():
            raise ValueError("The entries are not in row-major order, each once; sort them by (row, column).")

    @classmethod
    def where(cls, known: NDArray[np.bool_], M: NDArray[Any]) -> Observed:
        """The entries of M, shape (d1, d2), where `known` is true."""
        rows, columns = np.nonzero(known)
        return cls((M.shape[0], M.shape[1]), rows, columns, M[rows, columns])

    @property
    def p(self) -> float:
        """Share of entries that were seen."""
        return len(self.values) / (self.shape[0] * self.shape[1])

    @property
    def norm(self) -> float:
        """‖P_Ω(M)‖_F."""
        return float(np.linalg.norm(self.values))

    def dense(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """P_Ω(M) and the indicator of Ω, both of shape (d1, d2)."""
        filled, mask = np.zeros(self.shape, self.values.dtype), np.zeros(self.shape, self.values.dtype)
        filled[self.rows, self.columns] = self.values
        mask[self.rows, self.columns] = 1.0
        return filled, mask

    def sparse(self, values: NDArray[Any] | None = None) -> csr_array:
        """A matrix with these values on Ω, P_Ω(M) unless given, in compressed rows."""
        starts = np.searchsorted(self.rows, np.arange(self.shape[0] + 1))
        data = self.values if values is None else values
        return csr_array((data, self.columns.astype(np.int32), starts.astype(np.int32)), shape=self.shape)


def random_known(shape: tuple[int, int], p: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A random Ω: each entry independently with probability p."""
    return np.asarray(rng.random(shape) < p)
