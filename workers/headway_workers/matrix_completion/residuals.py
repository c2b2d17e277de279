"""The residual R = P_Ω(X Yᵀ − M), by a dense product or over Ω alone, with NumPy or with torch.

Whatever computes it, R is an object with `R @ Y` and `R.T @ X`, so the formulas of the algorithms are
written once. The dense product costs 2 d1 d2 r operations at the speed of GEMM; the sampled product 2 n r
for n seen entries, at the speed of gathering rows of X and Y.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from headway_workers.matrix_completion.observed import Matrix, Observed

if TYPE_CHECKING:
    import torch

DENSE_FROM = 0.05
"""Share of seen entries from which the dense product is the faster one."""


class Residuals(Protocol):
    """What the algorithms need to know of the seen entries."""

    mask: Matrix
    """The indicator of Ω, of the kind of R."""
    values: Matrix
    """P_Ω(M), of the kind of R."""
    p: float
    """Share of entries that were seen."""
    shape: tuple[int, int]
    products: int
    """Entries that a product of R with a vector goes through: d1 d2, or n."""

    def residual(self, X: Matrix, Y: Matrix) -> Matrix:
        """R = P_Ω(X Yᵀ − M), shape (d1, d2)."""
        ...

    def norm(self, R: Matrix) -> float:
        """‖R‖_F."""
        ...

    def place(self, factor: np.ndarray) -> Matrix:
        """A NumPy factor as these residuals take it: on their device."""
        ...


class DenseResiduals:
    """R as a full matrix: X Yᵀ as one product, then masked."""

    def __init__(self, observed: Observed) -> None:
        self.values, self.mask = observed.dense()
        self.p, self.shape = observed.p, observed.shape
        self.products = self.shape[0] * self.shape[1]

    def residual(self, X: Matrix, Y: Matrix) -> Matrix:
        """R, shape (d1, d2)."""
        R = X @ Y.T
        R *= self.mask
        R -= self.values
        return R

    def norm(self, R: Matrix) -> float:
        """‖R‖_F."""
        return float(np.linalg.norm(R))

    def place(self, factor: np.ndarray) -> Matrix:
        """The factor itself."""
        return factor


class SparseResiduals:
    """R in compressed rows: the product over Ω alone."""

    def __init__(self, observed: Observed) -> None:
        self._observed = observed
        self.values = observed.sparse()
        self.mask = observed.sparse(np.ones_like(observed.values))
        self.p, self.shape = observed.p, observed.shape
        self.products = len(observed.values)

    def residual(self, X: Matrix, Y: Matrix) -> Matrix:
        """R, shape (d1, d2), sparse. Gathers n rows of each factor."""
        seen = self._observed
        entries = np.einsum("nr,nr->n", X[seen.rows], Y[seen.columns])
        R = self.values.copy()
        R.data = entries - seen.values
        return R

    def norm(self, R: Matrix) -> float:
        """‖R‖_F."""
        return float(np.linalg.norm(R.data))

    def place(self, factor: np.ndarray) -> Matrix:
        """The factor itself."""
        return factor


class TorchDenseResiduals:
    """As `DenseResiduals`, on a device of torch."""

    def __init__(self, observed: Observed, device: str) -> None:
        import torch

        self._device = torch.device(device)
        self.values, self.mask = (torch.from_numpy(whole).to(self._device) for whole in observed.dense())
        self.p, self.shape = observed.p, observed.shape
        self.products = self.shape[0] * self.shape[1]

    def residual(self, X: Matrix, Y: Matrix) -> Matrix:
        """R, shape (d1, d2)."""
        R = X @ Y.T
        R *= self.mask
        R -= self.values
        return R

    def norm(self, R: Matrix) -> float:
        """‖R‖_F."""
        return float(R.norm())

    def place(self, factor: np.ndarray) -> torch.Tensor:
        """The factor on the device."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(factor)).to(self._device)


class TorchSparseResiduals:
    """As `SparseResiduals`, on a device of torch, by coordinates."""

    def __init__(self, observed: Observed, device: str) -> None:
        import torch

        self._device = torch.device(device)
        places = np.stack([observed.rows, observed.columns])
        self._places = torch.from_numpy(places).to(self._device)
        self._seen = torch.from_numpy(observed.values).to(self._device)
        self.p, self.shape = observed.p, observed.shape
        self.products = len(observed.values)
        self.values = self._matrix(self._seen)
        self.mask = self._matrix(torch.ones_like(self._seen))

    def residual(self, X: Matrix, Y: Matrix) -> Matrix:
        """R, shape (d1, d2), sparse. Gathers n rows of each factor."""
        rows, columns = self._places
        return self._matrix((X[rows] * Y[columns]).sum(1) - self._seen)

    def norm(self, R: Matrix) -> float:
        """‖R‖_F."""
        return float(R.values().norm())

    def place(self, factor: np.ndarray) -> torch.Tensor:
        """The factor on the device."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(factor)).to(self._device)

    def _matrix(self, entries: torch.Tensor) -> torch.Tensor:
        import torch

        # The places are sorted and each there once: `Observed` sees to that.
        return torch.sparse_coo_tensor(
            self._places, entries, self.shape, is_coalesced=True, check_invariants=False
        )


def residuals(observed: Observed, device: str = "cpu", *, dense: bool | None = None) -> Residuals:
    """The residuals that suit the density, on the device: NumPy's on "cpu", torch's elsewhere.

    `dense` overrides the choice.
    """
    if dense is None:
        dense = observed.p >= DENSE_FROM
    if device == "cpu":
        return DenseResiduals(observed) if dense else SparseResiduals(observed)
    return torch_residuals(observed, device, dense=dense)


def torch_residuals(observed: Observed, device: str, *, dense: bool) -> Residuals:
    """The residuals of torch on any of its devices."""
    return TorchDenseResiduals(observed, device) if dense else TorchSparseResiduals(observed, device)
