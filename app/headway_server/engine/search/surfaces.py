"""Surfaces: functions over the unit cube that the search maximises."""

from __future__ import annotations

from abc import ABC, abstractmethod

from headway_server.engine.gp.acquisition import Acquisition
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.paths import Path
from headway_server.engine.gp.posterior import Given, Posterior


class Surface(ABC):
    """A function over the unit cube to be maximised, and what a receipt says of it."""

    beta: float | None = None
    path_id: str | None = None
    logarithmic: bool = False
    """Whether values are logarithms of something positive."""
    n_given: int = 0
    """How many points besides the data it is conditioned on."""

    @abstractmethod
    def values(self, rows: Array) -> Array:
        """(r, d) to (r,)."""

    @abstractmethod
    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        """(r, d) to (r,) and (r, d)."""


class AcquisitionSurface(Surface):
    """A closed-form acquisition function of the posterior, perhaps given further points."""

    def __init__(
        self,
        posterior: Posterior,
        acquisition: Acquisition,
        given: Given | None = None,
        beta: float | None = None,
    ) -> None:
        self._posterior, self.acquisition, self._given = posterior, acquisition, given
        self.beta = beta
        self.n_given = 0 if given is None else len(given.values)
        self.logarithmic = acquisition.logarithmic

    def values(self, rows: Array) -> Array:
        return self._posterior.acquire(rows, self.acquisition, self._given)

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        return self._posterior.acquire_with_gradient(rows, self.acquisition, self._given)


class PathSurface(Surface):
    """One posterior path."""

    def __init__(self, path: Path, path_id: str) -> None:
        self._path, self.path_id = path, path_id

    def values(self, rows: Array) -> Array:
        return self._path.values(rows)

    def values_and_gradients(self, rows: Array) -> tuple[Array, Array]:
        return self._path.values_and_gradients(rows)
