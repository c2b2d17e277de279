"""A reported result as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headway.wire.base import Params
from headway.wire.measured import MeasuredValue
from headway.wire.observations import ImportedRow
from headway.wire.trial import FinishRequest, Outcome
from headway_server.domain.measured import Measured


@dataclass(eq=False)
class Observation:
    """One reported result. Written once; where its numbers are corrected, the trial's history keeps the old
    ones.
    """

    seq: int
    """The event number of its arrival: what the engine has not seen has a higher one than it knows."""
    attempt: int
    """0: imported, by no attempt."""
    outcome: Outcome
    metrics: dict[str, MeasuredValue]
    value: float | None
    std_error: float | None
    params: Params
    """The point that the model should learn from: as run, where that is known."""
    params_as_run: Params | None
    reason: str | None
    message: str | None
    late: bool
    superseded: bool
    body_hash: str
    received_at: datetime
    outside: tuple[str, ...] = ()
    """What of the point as run lies outside the space, in words."""
    id: int | None = None
    trial_id: int | None = None
    study_id: int | None = None

    @classmethod
    def of(
        cls,
        said: FinishRequest | ImportedRow,
        measured: Measured,
        *,
        study_id: int,
        attempt: int,
        seq: int,
        body_hash: str,
        now: datetime,
        late: bool = False,
        superseded: bool = False,
    ) -> Observation:
        """What was said of a point, with its numbers as they were checked."""
        return cls(
            seq=seq,
            attempt=attempt,
            outcome=said.outcome,
            metrics=measured.metrics,
            value=measured.value,
            std_error=measured.std_error,
            params=measured.params,
            params_as_run=measured.params_as_run,
            reason=said.reason,
            message=said.message,
            late=late,
            superseded=superseded,
            body_hash=body_hash,
            received_at=now,
            outside=measured.outside,
            study_id=study_id,
        )
