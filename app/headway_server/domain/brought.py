"""Trials that a caller brings: nobody was asked for their points."""

from __future__ import annotations

from datetime import datetime

from headway.wire.observations import ImportedRow
from headway.wire.trial import Receipt
from headway_server.domain.measured import Measured
from headway_server.domain.study import Study
from headway_server.domain.trial import Observation, Trial, trial_seed


def imported(
    study: Study, row: ImportedRow, measured: Measured, *, content: str, seq: int, now: datetime
) -> Trial:
    """A trial that comes with its result: no worker was sent to it, so it has no attempt.

    Args:
        study: locked; the trial takes its next number.
        row: what the caller sent.
        measured: its metrics and point, checked against the study.
        content: hash of the row.
        seq: event number of its arrival.
        now: the database's time.
    """
    if study.id is None:
        raise AssertionError(f"study {study.name} has not been stored")
    number = study.next_imported_number()
    counts_as_infeasible = row.outcome == "failed" and study.policy.on_failed == "treat_as_infeasible"
    trial = Trial(
        study_id=study.id,
        number=number,
        seed=trial_seed(study.definition.seed, number),
        space_version=study.space_version,
        created_at=now,
        updated_at=now,
        state="infeasible" if counts_as_infeasible else row.outcome,
        params=measured.params,
        origin=Receipt(policy="import", strategy=study.definition.strategy),
        client_id=row.client_id,
    )
    trial.observations.append(
        Observation(
            seq=seq,
            attempt=0,
            outcome=row.outcome,
            metrics=measured.metrics,
            value=measured.value,
            std_error=measured.std_error,
            params=measured.params,
            params_as_run=None,
            reason=row.reason,
            message=row.message,
            late=False,
            superseded=False,
            body_hash=content,
            received_at=now,
            study_id=study.id,
        )
    )
    return trial
