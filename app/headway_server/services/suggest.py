"""A worker asks: reserve a number, have its point computed, hand it out under a lease."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import assert_never

from headway.wire.trial import MAX_COUNT, Lease, Receipt, SuggestedTrial, SuggestRequest, SuggestResponse
from headway_server.domain.errors import EngineUnavailable, ValidationFailed
from headway_server.domain.feasibility import random_point
from headway_server.domain.held import NOTHING_HELD, Held, check_held
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study
from headway_server.domain.trial import Attempt, Trial, heartbeat_interval_s
from headway_server.services.engine_port import Engine, Point
from headway_server.services.idempotency import RequestKey, find_kept, keep_place
from headway_server.services.leases import take_back_lapsed
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 5.0
"""A waiting worker is told to come back after at most this long, seconds."""


@dataclass(frozen=True)
class Reservation:
    """Numbers taken from the budget, whose points are to be computed outside the transaction."""

    study: Study
    numbers: list[int]


@dataclass(frozen=True)
class CheckedHeld:
    """The values that a request holds, and by which version of the space they were checked."""

    values: Held
    space_version: int | None = None
    """None: there are none, which suits any."""


@dataclass(frozen=True)
class Suggested:
    """The answer, and whether it is the one that was given before under the same key."""

    response: SuggestResponse
    replayed: bool = False
    resumed: bool = False
    """Nothing new was handed out: these are leases that the worker held already."""


def suggest(
    database: Database, engine: Engine, name: str, request: SuggestRequest, key: RequestKey | None = None
) -> Suggested:
    """Hand out up to `request.count` trials, or say that the worker should wait or is done.

    Raises:
        NotFound: there is no study of this name.
        IdempotencyKeyReused: the key came with another body before.
        UnknownParameter, OutOfBounds, ValidationFailed, InactiveParameter, ConstraintsInfeasible: a value
            that the request fixes, or its context, can't be.
    """
    if request.resume and request.worker is None:
        raise ValidationFailed.at(
            "/resume", "resume is true, but no worker is named.", "Send the `worker` that took the leases."
        )
    while True:
        held = _held(database, name, request)
        reserved = database.write(partial(_reserve, name, request, held, key))
        match reserved:
            case Suggested():
                return reserved
            case Reservation():
                points = _points(engine, reserved, held.values)
                handed = database.write(partial(_hand_out, name, request, key, points))
                if handed is not None:
                    return handed
            case None:
                pass
            case _:
                assert_never(reserved)


def _held(database: Database, name: str, request: SuggestRequest) -> CheckedHeld:
    """The values that the request holds, checked before anything is locked."""
    if not (request.fixed or request.context):
        return CheckedHeld(NOTHING_HELD)
    study = database.read(lambda uow: uow.studies.get(name))
    space = SearchSpace.from_wire(study.definition.space)
    return CheckedHeld(check_held(space, request.fixed, request.context), study.space_version)


def _reserve(
    name: str, request: SuggestRequest, held: CheckedHeld, key: RequestKey | None, uow: UnitOfWork
) -> Suggested | Reservation | None:
    """Trials at once, or numbers whose points are to be computed; None where the space has been changed
    since the held values were checked.
    """
    study = uow.studies.lock(name)
    if held.space_version not in (None, study.space_version):
        return None
    if key is not None and (known := _begun(uow, study, key)) is not None:
        return known
    waiting = uow.trials.waiting(study, uow.now)
    if waiting.lapsed:
        take_back_lapsed(uow, study)
    if request.resume and (resumed := _resume(uow, study, request, held.values)) is not None:
        return resumed
    if study.state != "running":
        return _not_running(study, request)
    wanted = min(request.count, _room(uow, study))
    if wanted <= 0:
        return _wait(uow, study, request, "parallelism_cap")
    queued = _queued(uow, study, held.values, wanted) if waiting.queued or waiting.lapsed else []
    return _take(uow, study, request, key, queued, wanted=wanted)


def _begun(uow: UnitOfWork, study: Study, key: RequestKey) -> Suggested | Reservation | None:
    """What became of the same request before, where it is still of use."""
    kept = find_kept(uow, key)
    if kept is None:
        return None
    if kept.response is not None:
        return Suggested(SuggestResponse.model_validate_json(kept.response), replayed=True)
    mine = [trial.number for trial in uow.trials.reserved(study, kept.trial_numbers)]
    if mine:
        return Reservation(study, mine)
    uow.kept_responses.forget(kept)
    return None


def _resume(uow: UnitOfWork, study: Study, request: SuggestRequest, held: Held) -> Suggested | None:
    """The worker's live leases with the held values, renewed: it has just shown that it is alive.

    Not kept under the request's key: a repeat finds the same leases.
    """
    handed: list[SuggestedTrial] = []
    for trial in uow.trials.held_by(study, request.worker or ""):
        attempt = trial.attempts[-1]
        if trial.params is not None and held.agrees(trial.params):
            handed.append(_given(trial, trial.heartbeat(attempt.token, uow.now), uow.now))
    if not handed:
        return None
    return Suggested(
        SuggestResponse(status="ok", requested=request.count, trials=tuple(handed)), resumed=True
    )


def _take(
    uow: UnitOfWork,
    study: Study,
    request: SuggestRequest,
    key: RequestKey | None,
    queued: list[Trial],
    *,
    wanted: int,
) -> Suggested | Reservation:
    """Queued points first (at once: their points are known), then new numbers while the budget lasts."""
    if known := [trial for trial in queued if trial.params is not None]:
        return _lease(uow, study, request, key, known)
    for trial in queued:
        trial.reserve_again(uow.now)
    fresh = wanted - len(queued)
    if study.budget_left is not None:
        fresh = min(fresh, study.budget_left)
    numbers = [trial.number for trial in queued] + [_new(uow, study).number for _ in range(fresh)]
    if not numbers:
        return _wait(uow, study, request, "leases_outstanding")
    if key is not None:
        keep_place(uow, key, numbers)
    uow.may_be_lost()  # the worker hears of these numbers once they are handed out
    return Reservation(study, numbers)


def _queued(uow: UnitOfWork, study: Study, held: Held, wanted: int) -> list[Trial]:
    """Trials to be handed out again, by number: those whose point has the held values, or none yet."""
    found: list[Trial] = []
    after = 0
    while len(found) < wanted:
        page = uow.trials.queued(study, after, MAX_COUNT)
        found.extend(trial for trial in page if trial.params is None or held.agrees(trial.params))
        if len(page) < MAX_COUNT:
            break
        after = page[-1].number
    return found[:wanted]


def _room(uow: UnitOfWork, study: Study) -> int:
    """How many more trials may be out at once."""
    if study.policy.max_parallel is None:
        return MAX_COUNT
    counts = uow.trials.counts(study)
    return study.policy.max_parallel - counts.leased - counts.reserved


def _hand_out(
    name: str, request: SuggestRequest, key: RequestKey | None, points: list[Point], uow: UnitOfWork
) -> Suggested | None:
    """The trials with their points; None, and their numbers are queued again, where the space has been
    changed since those were computed.
    """
    study = uow.studies.lock(name)
    kept = find_kept(uow, key) if key is not None else None
    if kept is not None and kept.response is not None:
        return Suggested(SuggestResponse.model_validate_json(kept.response), replayed=True)
    by_number = {point.number: point for point in points}
    mine = uow.trials.reserved(study, by_number)
    if not mine:
        return _wait(uow, study, request, "computing")
    if any(by_number[trial.number].space_version != study.space_version for trial in mine):
        for trial in mine:
            trial.lapse(study.policy, uow.now)
        return None
    missed = uow.trials.count_after(study, points[0].seen_seq)
    for trial in mine:
        point = by_number[trial.number]
        trial.place(point.params, point.origin.model_copy(update={"staleness": missed}), study.space_version)
    return _lease(uow, study, request, key, mine)


def _lease(
    uow: UnitOfWork, study: Study, request: SuggestRequest, key: RequestKey | None, trials: list[Trial]
) -> Suggested:
    """Give these trials to the worker, and keep the answer under its key."""
    handed: list[SuggestedTrial] = []
    for trial in trials:
        attempt = trial.lease(request.worker, request.lease_s, study.policy, uow.now)
        uow.events.record(
            study, "trial.leased", uow.now, trial=trial.number, attempt=attempt.number, worker=request.worker
        )
        handed.append(_given(trial, attempt, uow.now))
    response = SuggestResponse(status="ok", requested=request.count, trials=tuple(handed))
    if key is not None:
        kept = find_kept(uow, key) or keep_place(uow, key, [trial.number for trial in trials])
        kept.response = response.model_dump_json()
        kept.expires_at = max([kept.expires_at, *(given.lease.expires_at for given in handed)])
    return Suggested(response)


def _given(trial: Trial, attempt: Attempt, now: datetime) -> SuggestedTrial:
    """A trial as its worker gets it."""
    interval = timedelta(seconds=heartbeat_interval_s(attempt.lease_s))
    if trial.params is None or trial.origin is None:
        raise AssertionError(f"trial {trial.number} was leased without a point")
    return SuggestedTrial(
        number=trial.number,
        params=trial.params,
        space_version=trial.space_version,
        attempt=attempt.number,
        lease=Lease(
            token=attempt.token,
            expires_at=attempt.expires_at,
            expires_in_s=(attempt.expires_at - now).total_seconds(),
            renew_before=now + interval,
            heartbeat_every_s=interval.total_seconds(),
        ),
        seed=trial.seed,
        origin=trial.origin,
    )


def _new(uow: UnitOfWork, study: Study) -> Trial:
    if study.id is None:
        raise AssertionError(f"study {study.name} has not been stored")
    trial = Trial.reserve(study.id, study.next_number(), study.definition.seed, study.space_version, uow.now)
    uow.trials.add(trial)
    return trial


def _not_running(study: Study, request: SuggestRequest) -> Suggested:
    if study.state == "paused":
        response = SuggestResponse(
            status="wait", requested=request.count, reason="paused", retry_after_s=LONGEST_PAUSE_S
        )
    else:
        reason = "budget" if study.state == "completed" and study.budget_left == 0 else "closed"
        response = SuggestResponse(status="done", requested=request.count, reason=reason)
    return Suggested(response)


def _wait(uow: UnitOfWork, study: Study, request: SuggestRequest, reason: str) -> Suggested:
    pause = _pause_s(uow.trials.next_lapse(study), uow.now) if reason != "computing" else 0.1
    return Suggested(
        SuggestResponse(status="wait", requested=request.count, reason=reason, retry_after_s=pause)
    )


def _pause_s(next_lapse: datetime | None, now: datetime) -> float:
    """Seconds until something can have changed: the next lapse, but soon enough to see a finish."""
    until_lapse = LONGEST_PAUSE_S if next_lapse is None else (next_lapse - now).total_seconds()
    return min(LONGEST_PAUSE_S, max(0.5, until_lapse))


def _points(engine: Engine, reserved: Reservation, held: Held) -> list[Point]:
    """The engine's points; where it can't be asked, random ones that say so."""
    study = reserved.study
    try:
        return engine.points(study.name, reserved.numbers, held)
    except EngineUnavailable as failure:
        log.warning("study %s: falling back to random points: %s", study.name, failure.detail)
        space = SearchSpace.from_wire(study.definition.space)
        return [_fallback_point(study, space, held, number, failure.detail) for number in reserved.numbers]


def _fallback_point(study: Study, space: SearchSpace, held: Held, number: int, reason: str) -> Point:
    draw = Random(f"{study.definition.seed}:{number}:fallback")  # noqa: S311 (sampling, not secrecy)
    origin = Receipt(
        policy="fallback",
        strategy=study.definition.strategy,
        degraded=True,
        degraded_reason=reason,
        fixed=held.fixed or None,
        context=held.context or None,
    )
    params = random_point(space, draw.random, held.values)
    return Point(number=number, params=params, origin=origin, seen_seq=0, space_version=study.space_version)
