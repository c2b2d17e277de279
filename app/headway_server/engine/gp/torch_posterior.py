"""The exact posterior on a device: the rows and K⁻¹ are torch tensors, the kernel is GPyTorch's.

What is small stays on the host as it does in `Posterior`: the results, the sites' values and noise, α. A
question moves its points there, (r, d), and its answers back; nothing of the size of K ever moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from headway.wire.model import Hyperparameters
from headway_server.engine.gp.acquisition import Acquisition
from headway_server.engine.gp.gpytorch_kernel import covariance
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import JITTERS, SCHUR_FLOOR, Given, Posterior

STRIP = 1024
"""Rows of K that are filled at a time: GPyTorch holds some six arrays of their size meanwhile."""


@dataclass(frozen=True)
class DeviceBlocks(Given):
    """As `posterior.Blocks`, on the device."""

    x: torch.Tensor
    """(m + h, d): the sites, then the points."""
    solved: torch.Tensor
    """(m, h): K⁻¹ K(X, points)."""
    precision: torch.Tensor
    """(h, h): inverse of their posterior covariance plus noise."""
    alpha: torch.Tensor
    """(m + h,): K⁻¹(z − mean) of the larger matrix."""


class TorchPosterior(Posterior):
    """`Posterior` with its algebra on a device. Points, values and answers are NumPy arrays as there."""

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        rows: Array,
        z: Array,
        variances: Array,
        device: torch.device,
    ) -> None:
        self._device = device
        self.device = device.type
        super().__init__(hyperparameters, rows, z, variances)

    @classmethod
    def build_on(
        cls,
        device: str,
        hyperparameters: Hyperparameters,
        rows: Array,
        z: Array,
        variances: Array,
    ) -> TorchPosterior | None:
        """As `Posterior.build`, on a torch device.

        Raises:
            torch.OutOfMemoryError: K⁻¹ does not fit into the device's memory.
        """
        posterior = cls(hyperparameters, rows, z, variances, torch.device(device))
        return posterior if posterior._rebuild() else None

    @property
    def inverse(self) -> Array:
        """K⁻¹: (m, m), a copy on the host."""
        return np.array(self._w.cpu().numpy())

    def solve(self, b: Array) -> Array:
        """K⁻¹ b: (m,) to (m,)."""
        return _array(self._w @ self._tensor(b))

    def precisions(self) -> Array:
        """The diagonal of K⁻¹: (m,)."""
        return _array(self._w.diagonal())

    def drift(self) -> float:
        """Relative residual of K (K⁻¹ b) = b for the data's own b = z − mean."""
        b = self._site_z - self.mean
        alpha = self._tensor(self._alpha)
        parts = [self._kernel(x, self._x) @ alpha for x in torch.split(self._x, STRIP)]
        product = self._diagonal * self._alpha + _array(torch.cat(parts))
        return float(np.abs(product - b).max() / max(np.abs(b).max(), 1e-12))

    def given(self, rows: Array, values: Array | None = None) -> Given | None:
        """As `Posterior.given`."""
        if len(rows) == 0:
            return None
        points = self._tensor(rows)
        cross = self._kernel(points, self._x)
        solved = self._w @ cross.T
        own = self._kernel(points, points) - cross @ solved
        own.diagonal().add_(self.noise)
        factor, status = torch.linalg.cholesky_ex(own)
        if int(status) != 0:
            return None
        precision = torch.cholesky_inverse(factor)
        alpha = self._tensor(self._alpha)
        believed = self.mean + cross @ alpha
        wanted = believed if values is None else self._tensor(values)
        step = precision @ (wanted - believed)
        return DeviceBlocks(
            values=_array(wanted),
            x=torch.cat([self._x, points]),
            solved=solved,
            precision=precision,
            alpha=torch.cat([alpha - solved @ step, step]),
        )

    def moments(self, rows: Array, given: Given | None = None) -> tuple[Array, Array]:
        """As `Posterior.moments`."""
        given = _blocks(given)
        mean, sd, _ = self._believed(self._kernel(self._tensor(rows), self._all(given)), given)
        return _array(mean), _array(sd)

    def acquire_with_gradient(
        self, rows: Array, acquisition: Acquisition, given: Given | None = None
    ) -> tuple[Array, Array]:
        """As `Posterior.acquire_with_gradient`: the weights of ∂k in closed form, ∂k by autograd."""
        given = _blocks(given)
        x = self._tensor(rows).requires_grad_()
        k = self._kernel(x, self._all(given))
        mean, sd, weights = self._believed(k.detach(), given)
        value, by_mean, by_sd = acquisition(_array(mean), _array(sd))
        weights *= (self._tensor(by_sd) / -sd)[:, None]
        weights += self._tensor(by_mean)[:, None] * self._alpha_of(given)
        return value, self._pulled_back(k, x, weights)

    def weighted(self, rows: Array, weights: Array) -> Array:
        """As `Posterior.weighted`."""
        return _array(self._kernel(self._tensor(rows), self._x) @ self._tensor(weights))

    def weighted_with_gradient(self, rows: Array, weights: Array) -> tuple[Array, Array]:
        """As `Posterior.weighted_with_gradient`."""
        x = self._tensor(rows).requires_grad_()
        k = self._kernel(x, self._x)
        w = self._tensor(weights)
        return _array(k.detach() @ w), self._pulled_back(k, x, w.expand(len(rows), -1))

    @property
    def _w(self) -> torch.Tensor:
        """K⁻¹: (m, m), a view."""
        return self._buffer[: self.m, : self.m]

    def _tensor(self, values: Array) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self._device)

    def _kernel(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """K(x, y): (r, d), (n, d) to (r, n)."""
        found: torch.Tensor = self._module(x, y).to_dense()
        return found

    def _all(self, given: DeviceBlocks | None) -> torch.Tensor:
        return self._x if given is None else given.x

    def _alpha_of(self, given: DeviceBlocks | None) -> torch.Tensor:
        return self._tensor(self._alpha) if given is None else given.alpha

    def _believed(
        self, k: torch.Tensor, given: DeviceBlocks | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean (r,), sd (r,) and weights k'K⁻¹ from k, both (r, m + h), as on the host."""
        m = self.m
        weights = k[:, :m] @ self._w
        if given is not None:
            left_over = (k[:, m:] - k[:, :m] @ given.solved) @ given.precision
            weights = torch.cat([weights - left_over @ given.solved.T, left_over], dim=1)
        mean = self.mean + k @ self._alpha_of(given)
        variance = self.outputscale - torch.linalg.vecdot(weights, k)
        return mean, variance.clamp_min(1e-12 * self.outputscale).sqrt(), weights

    def _pulled_back(self, k: torch.Tensor, x: torch.Tensor, weights: torch.Tensor) -> Array:
        """Σ_i w_i ∂k_i/∂x: (r, d). Categories have no gradient: zeros there."""
        (found,) = torch.autograd.grad(k, x, grad_outputs=weights)
        gradient = _array(found)
        gradient[:, self.kernel.choices] = 0.0
        return gradient

    def _take_up(self) -> None:
        self._module = covariance(self.kernel, self.outputscale, self._device)
        self._x = self._tensor(self._rows)
        self._buffer = self._x.new_empty((0, 0))

    def _extend(self, row: Array, z: float, whole: float) -> float | None:
        m = self.m
        x = self._tensor(row[None])
        k = self._kernel(x, self._x)[0]
        v = self._w @ k
        explained, believed = torch.stack([k @ v, k @ self._tensor(self._alpha)]).tolist()
        schur = self.outputscale + whole - explained
        error = z - self.mean - believed
        self._add_site(row, z, whole)
        self._x = torch.cat([self._x, x])
        if schur <= SCHUR_FLOOR * whole:
            return float(error / np.sqrt(whole)) if self._rebuild() else None
        self._reserve(m + 1)
        border = v / schur
        self._buffer[:m, :m].addr_(border, v)
        self._buffer[m, :m] = -border
        self._buffer[:m, m] = -border
        self._buffer[m, m] = 1.0 / schur
        return float(error / np.sqrt(schur)) if self._settle() else None

    def _precision(self, site: int) -> float:
        return float(self._buffer[site, site])

    def _add_column_squared(self, site: int, factor: float) -> None:
        w = self._w[:, site].clone()
        self._w.addr_(w, w, alpha=factor)

    def _rebuild(self) -> bool:
        m = self.m
        self._since_rebuild = 0
        self.rebuilds += 1
        self._buffer = self._x.new_empty((0, 0))  # before the next one is made
        for jitter in JITTERS:
            k = self._x.new_empty((m, m))
            for start in range(0, m, STRIP):
                end = min(m, start + STRIP)  # a factor reads the lower triangle only
                k[start:end, :end] = self._kernel(self._x[start:end], self._x[:end])
            k.diagonal().copy_(self._tensor(self.outputscale * (1.0 + jitter) + self._diagonal))
            factor, status = torch.linalg.cholesky_ex(k)
            del k
            if int(status) == 0:
                inverse = torch.cholesky_inverse(factor)
                del factor
                self._reserve(m)
                self._buffer[:m, :m] = inverse
                self._alpha = self.solve(self._site_z - self.mean)
                return bool(np.isfinite(self._alpha).all())
        return False

    def _reserve(self, m: int) -> None:
        """Room for K⁻¹ over m sites; an eighth more, so that growing costs O(m²) over all."""
        kept = len(self._buffer)
        if m <= kept:
            return
        size = max(64, m + m // 8)
        larger = self._buffer.new_empty((size, size))
        larger[:kept, :kept] = self._buffer
        self._buffer = larger


def _blocks(given: Given | None) -> DeviceBlocks | None:
    if given is None or isinstance(given, DeviceBlocks):
        return given
    raise TypeError(f"{type(given).__name__} was made by another kind of posterior")


def _array(values: torch.Tensor) -> Array:
    return np.asarray(values.cpu().numpy())
