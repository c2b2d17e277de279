"""What is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Updates = Literal["intermediate", "own"]
"""What a worker's next point is chosen from. `intermediate`: everything that has come in, as the server does
it. `own`: what had come in when the worker last asked, and its own result: no update in between."""


@dataclass(frozen=True)
class Setting:
    """What is run; equal settings give equal runs of one version of the engine."""

    problem: str
    method: str
    workers: int
    seed: int
    budget: int = 100
    law: str = "exponential"
    updates: Updates = "intermediate"
    known: bool = False
    """Whether the model has the prior's own hyperparameters, as theory assumes; only where there are some."""
    spread: float = 0.0
    """Workers' speeds are drawn from a log-normal law with this standard deviation of the logarithm."""
    failing: float = 0.0
    """Share of the evaluations whose worker fails, so that no result comes."""
    synchronous: bool = False
    options: Mapping[str, float] = field(default_factory=dict)
    """Fields of the method's class, and `n_initial`, where they are not the defaults."""
