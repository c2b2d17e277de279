"""Where a study's numerics run: NumPy on the host, or torch on a CUDA device.

This is the only module that knows which class stands for which place. torch is imported when the first
study goes to a device, and never on a machine without an NVIDIA driver.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from headway.wire.model import Hyperparameters
from headway_server.domain.errors import DeviceUnavailable, HeadwayError, ValidationFailed
from headway_server.engine.fits.hyperparameters import Data, LogPosterior, Objective
from headway_server.engine.gp.kernel import Array
from headway_server.engine.gp.posterior import Posterior

DEVICES = ("auto", "cpu", "cuda")
ON_DEVICE_FROM = 1000
"""Results from which `auto` takes a CUDA device. Below, a suggestion spends its time on many small
operations, of which torch's and GPyTorch's cost more than NumPy's. Measured on an H200: a suggestion at 1000
takes 24 ms instead of 15, but the fit 0.2 s instead of 1.4; from 2000 on the device wins at both
(docs/benchmarks.md)."""
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "C:/Windows/System32/nvcuda.dll")
"""One of these is there wherever an NVIDIA driver is: on Linux, under WSL 2, on Windows."""


@dataclass(frozen=True)
class Placement:
    """The rule for a whole study. A function of the number of results alone, so that replicas agree."""

    device: str | None
    """A torch device; None: NumPy on the host."""
    least: int = 0
    """Below so many results it is NumPy on the host all the same."""

    def at(self, n: int) -> str | None:
        """The torch device for a fit or a posterior with n results; None: NumPy on the host."""
        if self.device is None or n < self.least:
            return None
        return self.device if self.least == 0 or usable() else None


def placement(device: str) -> Placement:
    """What a setting means on this machine. With `auto`, torch is looked at when a study is large enough.

    Raises:
        ValidationFailed: no such setting.
        DeviceUnavailable: `cuda`, and there is no usable CUDA device.
    """
    match device:
        case "cpu":
            return Placement(None)
        case "auto":
            return Placement("cuda", ON_DEVICE_FROM) if has_driver() else Placement(None)
        case "cuda":
            require_cuda()
            return Placement("cuda")
    raise ValidationFailed.at("/device", f"The device is {device!r}.", f"Choose one of {', '.join(DEVICES)}.")


def has_driver() -> bool:
    """Whether an NVIDIA driver is installed."""
    return any(Path(driver).exists() for driver in DRIVERS)


@cache
def usable() -> bool:
    """Whether torch can compute on a CUDA device of this machine. Imports torch."""
    import torch

    return bool(torch.cuda.is_available())


def require_cuda() -> None:
    """Make sure of a usable CUDA device.

    Raises:
        DeviceUnavailable: saying what is missing and what to do.
    """
    if not has_driver():
        raise DeviceUnavailable.at(
            "/device",
            "The device is 'cuda', but this machine has no NVIDIA driver.",
            "Install it (in a container, pass the GPU through), or set HEADWAY_DEVICE to auto or cpu.",
        )
    if not usable():
        import torch

        raise DeviceUnavailable.at(
            "/device",
            f"The device is 'cuda', but torch {torch.__version__} finds no usable CUDA device.",
            "Install torch's CUDA build and a driver that is new enough for it, or set HEADWAY_DEVICE to "
            "auto or cpu.",
        )


T = TypeVar("T")


def unless_full(there: Callable[[], T], here: Callable[[], T]) -> T:
    """What `there` gives; what `here` gives where the device has too little memory for it."""
    import torch

    try:
        return there()
    except torch.OutOfMemoryError:
        return here()


def posterior_on(
    device: str | None, hyperparameters: Hyperparameters, rows: Array, z: Array, variances: Array
) -> Posterior | None:
    """`Posterior.build` on a torch device, or in NumPy (None), or there where the device lacks the memory."""
    if device is not None:
        from headway_server.engine.gp.torch_posterior import TorchPosterior

        return unless_full(
            lambda: TorchPosterior.build_on(device, hyperparameters, rows, z, variances),
            lambda: Posterior.build(hyperparameters, rows, z, variances),
        )
    return Posterior.build(hyperparameters, rows, z, variances)


def log_posterior_on(device: str | None, data: Data) -> Objective:
    """What a fit maximises, on a torch device or in NumPy (None)."""
    if device is None:
        return LogPosterior(data)
    from headway_server.engine.fits.torch_fitting import TorchLogPosterior

    return TorchLogPosterior(data, device)


def main() -> None:
    """Exit with 1 and the reason where CUDA can't be used: for a process that imports no torch itself."""
    try:
        require_cuda()
    except HeadwayError as error:
        sys.stderr.write(error.detail)
        sys.exit(1)
