"""Whether the engine can compute where the settings say, for a process that never imports torch."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

from headway_server.domain.errors import DeviceUnavailable

CHECK = "from headway_server.engine.placement import main; main()"
"""A program that ends with 0, or with 1 and the reason on its standard error."""


@cache
def require_device(device: str) -> None:
    """Make sure of a CUDA device where `device` is `cuda`: it takes a process that imports torch, seconds.

    Raises:
        DeviceUnavailable: saying what is missing and what to do.
    """
    if device != "cuda":
        return
    check = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", CHECK], capture_output=True, text=True, check=False
    )
    if check.returncode != 0:
        raise DeviceUnavailable(check.stderr)
