"""The life cycle of a trial, its attempts and its lease.

 new ──reserve──► reserved ──lease──► leased ──finish──► completed | infeasible | failed | stopped | abandoned
                     │                  │ ▲
                     │           expiry │ │ heartbeat extends; revives a lapsed lease nobody has taken over
                     ▼                  ▼ │
                   queued ◄── attempts left? ──► lost
                     │                             ▲ a late result still completes it
                     └──lease (attempt k+1)──► leased

A point is *reserved* while it is being computed: number and budget are taken, the parameters are not
known yet. An attempt that has ended can add data (a late result), but never undo anything: its token
fences it. Times are the database's; nothing here reads a clock.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from headway.wire.amendments import TrialChange
from headway.wire.base import Params
from headway.wire.measured import MeasuredValue
from headway.wire.study import Policy
from headway.wire.trial import FinishRequest, Outcome, Receipt, TrialState
from headway_server.domain.errors import IllegalTransition, LeaseSuperseded, UnknownLease
from headway_server.domain.measured import Measured
from headway_server.domain.observation import Observation

AttemptEnd = Literal["finished", "expired", "released", "superseded"]

FINAL: frozenset[TrialState] = frozenset({"completed", "infeasible", "failed", "stopped", "abandoned"})
"""States in which a trial has its result. `lost` is not among them: a late result still completes it."""

RESERVATION_S = 60.0
"""How long a reserved number waits for its point before another request may compute it, seconds."""


def trial_seed(study_seed: int, number: int) -> int:
    """A seed in [0, 2^53) for the caller's own random numbers: a function of study and trial alone."""
    digest = hashlib.blake2b(f"headway:{study_seed}:{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 11


def heartbeat_interval_s(lease_s: float) -> float:
    """Seconds between heartbeats: a third of the lease, so that two may be missed."""
    return lease_s / 3


@dataclass(eq=False)
class Attempt:
    """One worker's try at a trial, holding its lease while it lasts."""

    number: int
    token: str
    worker: str | None
    leased_at: datetime
    lease_s: float
    expires_at: datetime
    lapses_at: datetime
    """One heartbeat interval after `expires_at`: when the server takes the trial back."""
    heartbeat_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: AttemptEnd | None = None
    stop_reason: str | None = None
    """Why its worker is to give the trial up; None: it is to go on."""
    metrics: dict[str, MeasuredValue] = field(default_factory=dict)
    """What it has reported ahead of its result."""
    id: int | None = None
    trial_id: int | None = None

    def extend(self, seconds: float, now: datetime) -> None:
        """Let the lease run this long from now."""
        self.expires_at = now + timedelta(seconds=seconds)
        self.lapses_at = self.expires_at + timedelta(seconds=heartbeat_interval_s(self.lease_s))

    def end(self, by: AttemptEnd, now: datetime) -> None:
        """The lease is over."""
        self.ended_at, self.ended_by = now, by


@dataclass(frozen=True)
class Acceptance:
    """What a finish did."""

    late: bool = False
    superseded: bool = False
    duplicate: bool = False
    observed: bool = False
    """A new observation was recorded."""


def body_hash(result: FinishRequest) -> str:
    """Identifies a result's content, so that the same report sent twice is recognised."""
    return hashlib.sha256(result.model_dump_json(exclude={"lease_token", "final"}).encode()).hexdigest()


@dataclass(eq=False)
class Trial:
    """A trial's row with its attempts and observations, oldest first."""

    study_id: int
    number: int
    seed: int
    space_version: int
    created_at: datetime
    updated_at: datetime
    state: TrialState = "reserved"
    live_attempt: int | None = None
    """Number of the attempt that holds the lease: set exactly while the trial is leased."""
    reserved_until: datetime | None = None
    params: Params | None = None
    origin: Receipt | None = None
    attempts: list[Attempt] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    client_id: str | None = None
    """The caller's own name for an imported result."""
    note: str = ""
    tags: tuple[str, ...] = ()
    excluded: bool = False
    """Its results count no more, neither as data nor as the best (see `domain.amendments`)."""
    history: tuple[TrialChange, ...] = ()
    """What was changed afterwards, oldest first."""
    id: int | None = None

    @classmethod
    def reserve(cls, study_id: int, number: int, study_seed: int, space_version: int, now: datetime) -> Trial:
        """Take a number; its point is about to be computed."""
        return cls(
            study_id=study_id,
            number=number,
            seed=trial_seed(study_seed, number),
            space_version=space_version,
            created_at=now,
            updated_at=now,
            reserved_until=now + timedelta(seconds=RESERVATION_S),
        )

    @property
    def counting(self) -> Observation | None:
        """The observation that stands for the trial: completed, and first."""
        return next(
            (seen for seen in self.observations if seen.outcome == "completed" and not seen.superseded), None
        )

    def reserve_again(self, now: datetime) -> None:
        """Take over a reservation whose owner never came back with the point."""
        self._enter("reserved", now)

    def place(self, params: Params, origin: Receipt, space_version: int | None = None) -> None:
        """The reserved number has its point, of this version of the space."""
        self.params, self.origin = params, origin
        self.space_version = space_version or self.space_version

    def move(self, params: Params, space_version: int, now: datetime) -> None:
        """The queued point, as a newer version of the space has it."""
        self.params, self.space_version, self.updated_at = params, space_version, now

    def withdraw(self, now: datetime) -> None:
        """Hand the queued point out no more; a late result is still taken."""
        self._enter("lost", now)

    def lease(self, worker: str | None, requested_s: float | None, policy: Policy, now: datetime) -> Attempt:
        """Hand the trial to a worker. Its point is known and nobody holds it."""
        if self.params is None or self.state not in ("reserved", "queued"):
            raise AssertionError(f"trial {self.number} can't be leased in state {self.state}")
        lease_s = policy.lease_s if requested_s is None else requested_s
        first_s = lease_s if requested_s is not None else max(lease_s, policy.first_heartbeat_grace_s)
        attempt = Attempt(
            number=len(self.attempts) + 1,
            token=f"{len(self.attempts) + 1}.{secrets.token_hex(16)}",
            worker=worker,
            leased_at=now,
            lease_s=lease_s,
            expires_at=now,
            lapses_at=now,
        )
        attempt.extend(first_s, now)
        self.attempts.append(attempt)
        self._enter("leased", now, attempt.number)
        return attempt

    def lapse(self, policy: Policy, now: datetime) -> None:
        """Nobody renewed the lease (or brought the reserved point) in time."""
        if self.state == "reserved":
            self._enter("queued", now)
            return
        self._live().end("expired", now)
        expired = sum(attempt.ended_by == "expired" for attempt in self.attempts)
        retry = policy.on_expired == "requeue" and expired <= policy.max_retries
        self._enter("queued" if retry else "lost", now)

    def heartbeat(self, token: str, now: datetime) -> Attempt:
        """Renew the lease; a lapsed one too, as long as nobody has taken the trial over.

        Raises:
            LeaseSuperseded: another worker has the trial, or it is finished. The worker should stop.
            UnknownLease: the trial never had this token.
        """
        attempt = self.attempt_of(token)
        if not self.holds(attempt):
            raise LeaseSuperseded(
                f"Attempt {attempt.number} at trial {self.number} ended ({attempt.ended_by}); the trial is "
                f"{self.state}. Stop working on it; a result you have already may still be sent."
            )
        if attempt.ended_at is not None:
            attempt.ended_at = attempt.ended_by = None
            self._enter("leased", now, attempt.number)
        attempt.heartbeat_at = now
        attempt.extend(attempt.lease_s, now)
        return attempt

    def report_part(self, token: str, metrics: Mapping[str, MeasuredValue], now: datetime) -> bool:
        """Keep some of a result's metrics: the attempt goes on, and its result will have them too. Whether
        anything was new.

        Raises:
            UnknownLease: the trial never had this token.
            IllegalTransition: this attempt has reported another value of a metric, or its result, before.
        """
        attempt = self.attempt_of(token)
        result = next((seen for seen in self.observations if seen.attempt == attempt.number), None)
        known = attempt.metrics if result is None else result.metrics
        differing = [name for name, one in metrics.items() if name in known and known[name] != one]
        if differing or (result is not None and not metrics.keys() <= known.keys()):
            raise IllegalTransition(
                f"Attempt {attempt.number} at trial {self.number} has already reported "
                + (f"{differing[0]} = {known[differing[0]].value!r}." if differing else "its whole result.")
                + " A result is written once."
            )
        if result is None and self.holds(attempt):
            self.heartbeat(token, now)
        new = not metrics.keys() <= known.keys()
        if new:
            attempt.metrics = attempt.metrics | dict(metrics)
        return new

    def finish(
        self, result: FinishRequest, measured: Measured, policy: Policy, seq: int, now: datetime
    ) -> Acceptance:
        """Take a worker's result. A measured value is never refused because of liveness or budget.

        Args:
            result: what the worker sent.
            measured: its metrics and point, checked against the study.
            policy: the study's.
            seq: event number that the observation gets, if there is one.
            now: the database's time.

        Raises:
            UnknownLease: the trial never had this token.
            IllegalTransition: this attempt has reported something else before.
        """
        attempt = self.attempt_of(result.lease_token)
        digest = body_hash(result)
        for earlier in self.observations:
            if earlier.attempt == attempt.number:
                if earlier.body_hash == digest:
                    return Acceptance(late=earlier.late, superseded=earlier.superseded, duplicate=True)
                raise IllegalTransition(
                    f"Attempt {attempt.number} at trial {self.number} has already reported "
                    f"{earlier.outcome} (value {earlier.value!r}). A result is written once."
                )
        late = attempt.ended_at is not None
        superseded = self.state in FINAL
        gives_back = result.outcome == "abandoned" and result.reason == "preempted"
        if gives_back:
            return self._release(attempt, late=late, now=now)
        observation = Observation.of(
            result,
            measured,
            study_id=self.study_id,
            attempt=attempt.number,
            seq=seq,
            body_hash=digest,
            now=now,
            late=late,
            superseded=superseded,
        )
        self.observations.append(observation)
        if not late:
            attempt.end("finished", now)
        # What an old attempt could not do settles nothing while another try is open.
        settles = not superseded and (not late or result.outcome in ("completed", "infeasible"))
        if settles:
            self._settle(result.outcome, policy, now)
        return Acceptance(late=late, superseded=superseded, observed=True)

    def release(self, token: str, now: datetime) -> bool:
        """Give the point back to the queue, at no cost; whether this attempt did so, now or before.

        Raises:
            UnknownLease: the trial never had this token.
        """
        attempt = self.attempt_of(token)
        done = self._release(attempt, late=attempt.ended_at is not None, now=now)
        return done.duplicate or not done.late

    def holds(self, attempt: Attempt) -> bool:
        """Whether the attempt has the trial, or may have it back: its lease lapsed and nobody took over."""
        if attempt.ended_at is None:
            return True
        lapsed = attempt.ended_by == "expired" and attempt is self.attempts[-1]
        return lapsed and self.state in ("queued", "lost")

    def _settle(self, outcome: Outcome, policy: Policy, now: datetime) -> None:
        """Enter the state that an outcome leads to, and end whoever else is still at it."""
        if self.state == "leased":
            live = self._live()
            if live.ended_at is None:
                live.end("superseded", now)
        state: TrialState = outcome
        if outcome == "failed":
            failures = sum(observation.outcome == "failed" for observation in self.observations)
            if policy.on_failed == "requeue" and failures <= policy.max_retries:
                state = "queued"
            elif policy.on_failed == "treat_as_infeasible":
                state = "infeasible"
        self._enter(state, now)

    def _release(self, attempt: Attempt, *, late: bool, now: datetime) -> Acceptance:
        """The worker was pre-empted: the point goes back to the queue at once, at no cost."""
        if late:
            return Acceptance(
                late=True, superseded=self.state in FINAL, duplicate=attempt.ended_by == "released"
            )
        attempt.end("released", now)
        self._enter("queued", now)
        return Acceptance()

    def _enter(self, state: TrialState, now: datetime, live_attempt: int | None = None) -> None:
        self.state, self.live_attempt, self.updated_at = state, live_attempt, now
        self.reserved_until = now + timedelta(seconds=RESERVATION_S) if state == "reserved" else None

    def attempt_of(self, token: str) -> Attempt:
        """The attempt that got this token.

        Raises:
            UnknownLease: none did.
        """
        for attempt in self.attempts:
            if secrets.compare_digest(attempt.token.encode(), token.encode("utf-8", "replace")):
                return attempt
        raise UnknownLease(
            f"Trial {self.number} has no lease with the token {token[:48]!r}. "
            "Use the token that :suggest returned with this trial."
        )

    def _live(self) -> Attempt:
        return self.attempts[(self.live_attempt or 0) - 1]
