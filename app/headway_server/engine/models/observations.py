"""The results so far, in arrays that grow."""

from __future__ import annotations

import numpy as np

from headway_server.engine.gp.kernel import Array


class Observations:
    """Rows of the unit cube, utilities (larger is better) and standard errors, in order of arrival."""

    def __init__(self, width: int) -> None:
        self._n = 0
        self._rows = np.empty((64, width))
        self._utilities = np.empty(64)
        self._std_errors = np.empty(64)

    def __len__(self) -> int:
        return self._n

    @property
    def rows(self) -> Array:
        """(n, width), a view."""
        return self._rows[: self._n]

    @property
    def utilities(self) -> Array:
        """(n,), a view."""
        return self._utilities[: self._n]

    @property
    def std_errors(self) -> Array:
        """(n,), a view; 0 where not known."""
        return self._std_errors[: self._n]

    def copy(self) -> Observations:
        """The results of this moment."""
        same = Observations(self._rows.shape[1])
        same._n = self._n
        same._rows, same._utilities = self.rows.copy(), self.utilities.copy()
        same._std_errors = self.std_errors.copy()
        return same

    def append(self, row: Array, utility: float, std_error: float) -> None:
        """Add one result."""
        if self._n == len(self._utilities):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._utilities = np.concatenate([self._utilities, np.empty_like(self._utilities)])
            self._std_errors = np.concatenate([self._std_errors, np.empty_like(self._std_errors)])
        self._rows[self._n] = row
        self._utilities[self._n] = utility
        self._std_errors[self._n] = std_error
        self._n += 1
