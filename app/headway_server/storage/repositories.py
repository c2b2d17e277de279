"""The queries, one class a subject. Every command locks its study first: study → trial, always."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, func, or_, select
from sqlalchemy.orm import Session

from headway.wire.base import Params
from headway.wire.study import TrialCounts
from headway.wire.trial import Receipt, TrialState
from headway_server.domain.errors import NotFound
from headway_server.domain.study import Study
from headway_server.domain.trial import Attempt, Trial
from headway_server.storage.tables import (
    Event,
    KeptResponse,
    ModelState,
    attempts,
    events,
    gp_states,
    idempotency_keys,
    observations,
    studies,
    trials,
)


class StudyRepository:
    """Studies by name."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, study: Study) -> None:
        """Store a new study; its id is known afterwards."""
        self._session.add(study)
        self._session.flush()

    def find(self, name: str, *, lock: bool = False) -> Study | None:
        """The study, or None."""
        query = select(Study).where(studies.c.name == name)
        return self._session.scalars(query.with_for_update() if lock else query).one_or_none()

    def get(self, name: str) -> Study:
        """The study, to read.

        Raises:
            NotFound: there is none.
        """
        return _found(self.find(name), name)

    def lock(self, name: str) -> Study:
        """The study, to change: others who want to change it wait.

        Raises:
            NotFound: there is none.
        """
        return _found(self.find(name, lock=True), name)

    def page(self, after: str, limit: int) -> Sequence[Study]:
        """Up to `limit` studies whose names come after this one, by name."""
        query = select(Study).where(studies.c.name > after).order_by(studies.c.name).limit(limit)
        return self._session.scalars(query).all()

    def with_lapsed_trials(self, now: datetime) -> Sequence[str]:
        """Names of studies that have a lease or a reservation to take back."""
        lease = select(trials.c.study_id).join(attempts).where(_lapsed_lease(now))
        reservation = select(trials.c.study_id).where(_lapsed_reservation(now))
        return self._session.scalars(
            select(studies.c.name).where(studies.c.id.in_(lease.union(reservation)))
        ).all()


@dataclass(frozen=True)
class Incumbent:
    """The best completed trial of a study."""

    number: int
    params: Params
    value: float
    std_error: float | None


@dataclass(frozen=True)
class Datum:
    """What the engine learns from one completed observation."""

    seq: int
    params: Params
    value: float
    std_error: float | None


@dataclass(frozen=True)
class InFlight:
    """A trial that is handed out or waiting to be: its point, and how that was made."""

    number: int
    params: Params
    origin: Receipt


@dataclass(frozen=True)
class Arrival:
    """One completed trial, in order of arrival."""

    number: int
    value: float
    received_at: datetime


class TrialRepository:
    """Trials of a study, with their attempts and observations."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, trial: Trial) -> None:
        """Store a new trial."""
        self._session.add(trial)

    def get(self, study: Study, number: int) -> Trial:
        """One trial.

        Raises:
            NotFound: the study has no trial of this number.
        """
        query = select(Trial).where(trials.c.study_id == study.id, trials.c.number == number)
        trial = self._session.scalars(query).one_or_none()
        if trial is None:
            raise NotFound(
                f"Study {study.name!r} has no trial {number}; it has handed out {study.trials_created}."
            )
        return trial

    def in_state(self, study: Study, state: TrialState, limit: int) -> Sequence[Trial]:
        """Up to `limit` trials in this state, oldest number first."""
        query = self._of(study).where(trials.c.state == state).limit(limit)
        return self._session.scalars(query).all()

    def numbered(self, study: Study, numbers: Iterable[int]) -> Sequence[Trial]:
        """The trials of these numbers."""
        return self._session.scalars(self._of(study).where(trials.c.number.in_(list(numbers)))).all()

    def lapsed(self, study: Study, now: datetime) -> Sequence[Trial]:
        """Trials whose lease or reservation nobody renewed in time."""
        leases = select(attempts.c.trial_id).where(_lapsed_lease(now))
        query = self._of(study).where(or_(trials.c.id.in_(leases), _lapsed_reservation(now)))
        return self._session.scalars(query).all()

    def next_lapse(self, study: Study) -> datetime | None:
        """When the next lease of the study lapses, if nobody renews it."""
        query = (
            select(attempts.c.lapses_at)
            .join(trials)
            .where(trials.c.study_id == study.id, attempts.c.ended_at.is_(None))
            .order_by(attempts.c.lapses_at)
            .limit(1)
        )
        return self._session.scalars(query).one_or_none()

    def counts(self, study: Study) -> TrialCounts:
        """How many trials are in each state."""
        query = (
            select(trials.c.state, func.count()).where(trials.c.study_id == study.id).group_by(trials.c.state)
        )
        return TrialCounts.model_validate(dict(self._session.execute(query).all()))

    def page(self, study: Study, after: int, limit: int, state: TrialState | None) -> Sequence[Trial]:
        """Up to `limit` trials with numbers above `after`, by number."""
        query = self._of(study).where(trials.c.number > after).limit(limit)
        return self._session.scalars(query if state is None else query.where(trials.c.state == state)).all()

    def incumbent(self, study: Study) -> Incumbent | None:
        """The completed trial with the best value; of equals the first."""
        best = observations.c.value.desc() if study.maximize else observations.c.value.asc()
        query = (
            select(trials.c.number, observations.c.params, observations.c.value, observations.c.std_error)
            .join(observations, observations.c.trial_id == trials.c.id)
            .where(_counting(study))
            .order_by(best, observations.c.seq)
            .limit(1)
        )
        row = self._session.execute(query).one_or_none()
        return None if row is None else Incumbent(*row)

    def arrivals(self, study: Study) -> list[Arrival]:
        """Every completed trial in order of arrival."""
        query = (
            select(trials.c.number, observations.c.value, observations.c.received_at)
            .join(observations, observations.c.trial_id == trials.c.id)
            .where(_counting(study))
            .order_by(observations.c.seq)
        )
        return [Arrival(*row) for row in self._session.execute(query)]

    def data_after(self, study: Study, seq: int) -> list[Datum]:
        """What the engine has not seen: completed observations after this sequence number, replicates too."""
        query = (
            select(observations.c.seq, observations.c.params, observations.c.value, observations.c.std_error)
            .where(
                observations.c.study_id == study.id,
                observations.c.seq > seq,
                observations.c.outcome == "completed",
            )
            .order_by(observations.c.seq)
        )
        return [Datum(*row) for row in self._session.execute(query)]

    def count_after(self, study: Study, seq: int) -> int:
        """How many completed observations came after this sequence number."""
        query = select(func.count()).where(
            observations.c.study_id == study.id,
            observations.c.seq > seq,
            observations.c.outcome == "completed",
        )
        return self._session.scalars(query).one()

    def in_flight(self, study: Study) -> list[InFlight]:
        """Trials handed out or queued to be handed out again, by number."""
        query = (
            select(trials.c.number, trials.c.params, trials.c.origin)
            .where(
                trials.c.study_id == study.id,
                trials.c.state.in_(("leased", "queued")),
                trials.c.params.is_not(None),
            )
            .order_by(trials.c.number)
        )
        return [InFlight(*row) for row in self._session.execute(query)]

    def live_attempts(self, study: Study) -> list[tuple[int, Attempt]]:
        """Who is at work: trial number and attempt, oldest lease first."""
        query = (
            select(trials.c.number, Attempt)
            .join(Attempt, attempts.c.trial_id == trials.c.id)
            .where(trials.c.study_id == study.id, attempts.c.ended_at.is_(None))
            .order_by(attempts.c.leased_at)
        )
        return [(number, attempt) for number, attempt in self._session.execute(query)]

    @staticmethod
    def _of(study: Study) -> Select[Trial]:
        return select(Trial).where(trials.c.study_id == study.id).order_by(trials.c.number)


class EventRepository:
    """What happened to a study, in order."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(
        self, study: Study, type_: str, now: datetime, *, trial: int | None = None, **data: object
    ) -> int:
        """Append an event to a locked study; its sequence number."""
        if study.id is None:
            raise AssertionError(f"study {study.name} has not been stored")
        seq = study.next_seq(now)
        self._session.add(Event(study_id=study.id, seq=seq, type=type_, trial=trial, data=data, at=now))
        return seq

    def after(self, study: Study, seq: int, limit: int) -> Sequence[Event]:
        """Up to `limit` events after this sequence number, in order."""
        query = (
            select(Event)
            .where(events.c.study_id == study.id, events.c.seq > seq)
            .order_by(events.c.seq)
            .limit(limit)
        )
        return self._session.scalars(query).all()


class ModelRepository:
    """Fitted hyperparameters."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, state: ModelState) -> None:
        """Store a new version."""
        self._session.add(state)

    def latest(self, study: Study) -> ModelState | None:
        """The version in force, or None before the first fit."""
        query = (
            select(ModelState)
            .where(gp_states.c.study_id == study.id)
            .order_by(gp_states.c.version.desc())
            .limit(1)
        )
        return self._session.scalars(query).one_or_none()


class KeptResponseRepository:
    """Answers given under idempotency keys."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, scope: str, key: str) -> KeptResponse | None:
        """What is kept under this key."""
        return self._session.get(KeptResponse, (scope, key))

    def add(self, kept: KeptResponse) -> None:
        """Keep a response (or the place for one)."""
        self._session.add(kept)

    def forget(self, kept: KeptResponse) -> None:
        """Let go of one key."""
        self._session.delete(kept)
        self._session.flush()

    def forget_expired(self, now: datetime) -> None:
        """Let go of every key whose time is over."""
        self._session.execute(delete(KeptResponse).where(idempotency_keys.c.expires_at < now))


def _found(study: Study | None, name: str) -> Study:
    if study is None:
        raise NotFound(f"There is no study {name!r}. Create it with POST /v1/studies, or list what there is.")
    return study


def _lapsed_lease(now: datetime) -> ColumnElement[bool]:
    return (attempts.c.ended_at.is_(None)) & (attempts.c.lapses_at < now)


def _lapsed_reservation(now: datetime) -> ColumnElement[bool]:
    return (trials.c.state == "reserved") & (trials.c.reserved_until < now)


def _counting(study: Study) -> ColumnElement[bool]:
    """The observations that stand for their trials: completed, and first."""
    return (
        (observations.c.study_id == study.id)
        & (observations.c.outcome == "completed")
        & (observations.c.superseded.is_(False))
    )
