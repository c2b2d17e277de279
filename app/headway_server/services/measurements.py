"""A worker says how its trial goes, and learns whether to go on."""

from __future__ import annotations

import math

from headway.wire.measurement import (
    Measurement,
    MeasurementPage,
    MeasurementsRequest,
    MeasurementsResponse,
    MeasurementView,
)
from headway.wire.problem import FieldError
from headway_server.domain.errors import InvalidCursor, NotFinite, QuotaExceeded
from headway_server.domain.stopping import hopeless
from headway_server.domain.study import Study
from headway_server.domain.trial import Attempt, Trial
from headway_server.storage.database import Database
from headway_server.storage.measurements import MeasurementRow
from headway_server.storage.unit_of_work import UnitOfWork

MOST_OF_AN_ATTEMPT = 100_000
"""Measurements kept of one attempt."""


def measure(database: Database, name: str, number: int, request: MeasurementsRequest) -> MeasurementsResponse:
    """Keep what a worker measured on the way. It shows that the worker lives, so it renews the lease too.
    From a lease that has passed on it is kept all the same, and the answer is to stop.

    Raises:
        NotFound: no such study or trial.
        NotFinite: a metric is no number; nothing was stored.
        UnknownLease: the trial never had this token.
        QuotaExceeded: the attempt has as many measurements as are kept.
    """
    if wrong := [fault for i, one in enumerate(request.measurements) for fault in _not_finite(i, one)]:
        raise NotFinite.over(wrong)

    def work(uow: UnitOfWork) -> MeasurementsResponse:
        study = uow.studies.lock(name)
        trial = uow.trials.get(study, number)
        attempt = trial.attempt_of(request.lease_token)
        rows = _new_rows(uow, trial, attempt, request.measurements)
        uow.measurements.add(study, [(trial, row) for row in rows])
        if not trial.holds(attempt):
            reason = f"Attempt {attempt.number} ended ({attempt.ended_by}); the trial is {trial.state}."
            return MeasurementsResponse(stored=len(rows), action="stop", reason=reason)
        trial.heartbeat(request.lease_token, uow.now)
        if rows and attempt.stop_reason is None:
            _judge(uow, study, trial, attempt, max(row.step for row in rows))
        return MeasurementsResponse(
            stored=len(rows),
            action="continue" if attempt.stop_reason is None else "stop",
            reason=attempt.stop_reason,
        )

    return database.write(work)


def page(database: Database, name: str, number: int, cursor: str | None, limit: int) -> MeasurementPage:
    """Up to `limit` measurements of a trial by attempt and step, after the one that the cursor names.

    Raises:
        NotFound: no such study or trial.
        InvalidCursor: not a cursor that a page gave.
    """
    after = _place(cursor)

    def work(uow: UnitOfWork) -> MeasurementPage:
        trial = uow.trials.get(uow.studies.get(name), number)
        rows = uow.measurements.page(trial, after, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return MeasurementPage(
            measurements=tuple(MeasurementView.model_validate(row) for row in rows[:limit]),
            next_cursor=f"{last.attempt}.{last.step}" if last else None,
        )

    return database.read(work)


def _new_rows(
    uow: UnitOfWork, trial: Trial, attempt: Attempt, given: tuple[Measurement, ...]
) -> list[MeasurementRow]:
    """Those of steps that the attempt has not reported; of two of one step the first."""
    uow.flush()
    by_step = {one.step: one for one in reversed(given)}
    known = uow.measurements.known_steps(trial, attempt.number, list(by_step))
    new = [by_step[step] for step in sorted(by_step.keys() - known)]
    if uow.measurements.count(trial, attempt.number) + len(new) > MOST_OF_AN_ATTEMPT:
        raise QuotaExceeded.at(
            "/measurements",
            f"Attempt {attempt.number} at trial {trial.number} would have more than {MOST_OF_AN_ATTEMPT} "
            "measurements.",
            "Report at larger steps.",
        )
    return [MeasurementRow(attempt.number, one.step, one.metrics, one.t, uow.now) for one in new]


def _judge(uow: UnitOfWork, study: Study, trial: Trial, attempt: Attempt, step: int) -> None:
    """Ask for the trial to be given up where the study's rule says so."""
    rule = study.policy.early_stopping
    if rule is None:
        return
    best = uow.measurements.best(trial, attempt.number, step, maximize=study.maximize)
    if best is None:
        return
    others = uow.measurements.running_averages(study, trial, step)
    attempt.stop_reason = hopeless(rule, step=step, best=best, others=others, maximize=study.maximize)
    if attempt.stop_reason is not None:
        uow.events.record(study, "trial.stop_asked", uow.now, trial=trial.number, reason=attempt.stop_reason)


def _not_finite(index: int, measurement: Measurement) -> list[FieldError]:
    return [
        FieldError(
            pointer=f"/measurements/{index}/metrics/{name}",
            message=f"{name} is {value!r} at step {measurement.step}.",
            hint="Leave it out, or finish the trial as `infeasible` or `failed`.",
        )
        for name, value in measurement.metrics.items()
        if not math.isfinite(value)
    ]


def _place(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return (0, -1)
    attempt, _, step = cursor.partition(".")
    if not (cursor.isascii() and attempt.isdigit() and step.isdigit() and len(cursor) <= 26):
        raise InvalidCursor.given(cursor)
    return int(attempt), int(step)
