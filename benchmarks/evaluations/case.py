"""One evaluation, as headway does it and as one would write it down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """Two ways to one result."""

    name: str
    """What is computed, with its size."""
    ours: Callable[[], Any]
    plain: Callable[[], Any]
    """Loops over seeds, rows or iterations, as the public repositories have them."""
    agree: Callable[[Any, Any], float]
    """Largest relative difference of the two results: only equals are compared."""
