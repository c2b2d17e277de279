"""Who works on the studies of a project: what the attempts at its trials tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from headway_server.domain.access import Actor
from headway_server.storage.tables import attempts, observations, studies, trials


@dataclass(frozen=True)
class Working:
    """A worker's attempts, summed up."""

    worker: str
    first_seen: datetime
    last_seen: datetime
    attempts: int
    finished: int
    expired: int
    finished_lately: int


@dataclass(frozen=True)
class Holding:
    """A lease that nobody has ended."""

    worker: str
    study: str
    trial: int
    attempt: int
    leased_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Failure:
    """A failed result."""

    worker: str
    study: str
    trial: int
    at: datetime
    reason: str | None
    message: str | None


class WorkerRepository:
    """The workers of the actor's project, or of the one study that its key is for."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def page(self, after: str, limit: int, *, seen_since: datetime, lately: datetime) -> list[Working]:
        """Up to `limit` workers whose names come after this one, by name.

        Args:
            after: a worker's name.
            limit: how many.
            seen_since: only those that have been seen since.
            lately: since when results count as late ones.
        """
        a = attempts.c
        spoke = case((a.ended_by.in_(("finished", "released")), a.ended_at))
        seen = (func.max(a.leased_at), func.max(a.heartbeat_at), func.max(spoke))
        finished = a.ended_by == "finished"
        query = (
            self._seen(
                *(a.worker, func.min(a.leased_at), *seen, func.count()),
                *(_sum(finished), _sum(a.ended_by == "expired"), _sum(finished & (a.ended_at > lately))),
            )
            .where(a.worker > after)
            .group_by(a.worker)
            .having((seen[0] > seen_since) | (seen[1] > seen_since) | (seen[2] > seen_since))
            .order_by(a.worker)
            .limit(limit)
        )
        rows = self._session.execute(query).all()
        return [Working(row[0], row[1], max(filter(None, row[2:5])), *row[5:]) for row in rows]

    def held(self, workers: Sequence[str]) -> list[Holding]:
        """The live leases of these workers, oldest first."""
        a = attempts.c
        query = (
            self._seen(a.worker, studies.c.name, trials.c.number, a.number, a.leased_at, a.expires_at)
            .where(a.worker.in_(workers), a.ended_at.is_(None))
            .order_by(a.leased_at, a.id)
        )
        return [Holding(*row) for row in self._session.execute(query)]

    def failures(self, workers: Sequence[str]) -> list[Failure]:
        """The last failed result of each of these workers that had one."""
        seen = observations.c
        newest = func.row_number().over(
            partition_by=attempts.c.worker, order_by=(seen.received_at.desc(), seen.id.desc())
        )
        ranked = (
            self._seen(
                *(attempts.c.worker, studies.c.name, trials.c.number, seen.received_at),
                *(seen.reason, seen.message, newest.label("place")),
            )
            .join(observations, (seen.trial_id == attempts.c.trial_id) & (seen.attempt == attempts.c.number))
            .where(attempts.c.worker.in_(workers), seen.outcome == "failed")
            .subquery()
        )
        query = select(*(column for column in ranked.c if column.name != "place")).where(ranked.c.place == 1)
        return [Failure(*row) for row in self._session.execute(query)]

    def _seen(self, *columns: Any) -> Select[Any]:
        """Of the attempts at trials of the studies that the actor sees."""
        query = (
            select(*columns)
            .select_from(attempts)
            .join(trials, trials.c.id == attempts.c.trial_id)
            .join(studies, studies.c.id == trials.c.study_id)
            .where(studies.c.project_id == self._actor.project_id, studies.c.deleted_at.is_(None))
        )
        return query if self._actor.study is None else query.where(studies.c.name == self._actor.study)


def _sum(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))
