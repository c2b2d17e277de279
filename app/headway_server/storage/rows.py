"""What queries give back where it is not a whole study or trial."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headway.wire.base import Params
from headway.wire.trial import MeasuredValue, Outcome, Receipt


@dataclass(frozen=True)
class Incumbent:
    """A completed trial that is the best of its study, or one of the best of several objectives."""

    number: int
    params: Params
    value: float
    """The first objective."""
    std_error: float | None
    metrics: dict[str, MeasuredValue]
    space_version: int = 1

    @property
    def values(self) -> dict[str, float]:
        """Every metric's value."""
        return {name: measured.value for name, measured in self.metrics.items()}


@dataclass(frozen=True)
class Datum:
    """What the engine learns from one observation."""

    seq: int
    params: Params
    outcome: Outcome
    """`completed`; or `infeasible`; or `failed`, where the study's policy counts that as infeasible."""
    value: float | None
    """The first objective; None where the trial did not complete."""
    std_error: float | None
    metrics: dict[str, MeasuredValue]
    trial: int
    """Its number."""
    space_version: int


@dataclass(frozen=True)
class InFlight:
    """A trial that is handed out or about to be: its point, and how that was made."""

    number: int
    params: Params | None
    """None, and `origin` too: its row does not know it yet."""
    origin: Receipt | None
    space_version: int


@dataclass(frozen=True)
class Head:
    """What tells whether a posterior is still that of its study."""

    study_id: int
    data_revision: int
    model_version: int
    """Of the newest stored fit; 0: there is none."""


@dataclass(frozen=True)
class Arrival:
    """One completed trial, in order of arrival."""

    number: int
    value: float
    received_at: datetime


@dataclass(frozen=True)
class MeasuredArrival:
    """One completed trial with all that was measured, in order of arrival."""

    trial: Incumbent
    received_at: datetime


@dataclass(frozen=True)
class Waiting:
    """What there is to do before a new trial is made."""

    lapsed: bool
    """A lease or a reservation is to be taken back."""
    queued: bool
    """A trial waits to be handed out again."""
