"""Trials that a caller brings: nobody was asked for their points."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from headway.wire.base import Params
from headway.wire.observations import ImportedRow
from headway.wire.trial import Receipt
from headway_server.domain.measured import Measured
from headway_server.domain.observation import Observation
from headway_server.domain.study import Study
from headway_server.domain.trial import Trial, trial_seed


def imported(
    study: Study,
    row: ImportedRow,
    measured: Measured,
    *,
    content: str,
    seq: int,
    now: datetime,
    policy: Literal["import", "manual"] = "import",
) -> Trial:
    """A trial that comes with its result: no worker was sent to it, so it has no attempt.

    Args:
        study: locked; the trial takes its next number.
        row: what the caller sent.
        measured: its metrics and point, checked against the study.
        content: hash of the row.
        seq: event number of its arrival.
        now: the database's time.
        policy: how it came, for its receipt.
    """
    number = study.next_imported_number()
    counts_as_infeasible = row.outcome == "failed" and study.policy.on_failed == "treat_as_infeasible"
    trial = Trial(
        study_id=study.stored_id,
        number=number,
        seed=trial_seed(study.definition.seed, number),
        space_version=study.space_version,
        created_at=now,
        updated_at=now,
        state="infeasible" if counts_as_infeasible else row.outcome,
        params=measured.params,
        origin=Receipt(policy=policy, strategy=study.definition.strategy),
        client_id=row.client_id,
    )
    trial.observations.append(
        Observation.of(
            row, measured, study_id=study.stored_id, attempt=0, seq=seq, body_hash=content, now=now
        )
    )
    return trial


def enqueued(
    study: Study,
    params: Params,
    client_id: str | None,
    now: datetime,
    policy: Literal["manual", "replicate", "random"] = "manual",
) -> Trial:
    """A trial whose point is given, and which waits for a worker. It takes its place in the budget.

    Args:
        study: locked, with some budget left; the trial takes its next number.
        params: checked against the present space.
        client_id: the caller's own name for it.
        now: the database's time.
        policy: how the point came, for its receipt.
    """
    number = study.next_number()
    return Trial(
        study_id=study.stored_id,
        number=number,
        seed=trial_seed(study.definition.seed, number),
        space_version=study.space_version,
        created_at=now,
        updated_at=now,
        state="queued",
        params=params,
        origin=Receipt(policy=policy, strategy=study.definition.strategy),
        client_id=client_id,
    )


def content_of(row: ImportedRow) -> str:
    """Hash of a row: what makes a second one under the same `client_id` the same."""
    content = row.model_dump_json(exclude={"client_id"})
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
