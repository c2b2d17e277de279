"""Audits of campaigns, and what is read of the studies that take part in them, many at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, Float, bindparam, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from headway.wire.base import Params
from headway.wire.campaign_audit import SearchCounts
from headway.wire.measured import MeasuredValue
from headway.wire.study import StudyState
from headway_server.domain.audit import CampaignAudit
from headway_server.domain.errors import NotFound
from headway_server.domain.study import Study
from headway_server.storage.tables import attempts, audits, observations, studies, trials


@dataclass(frozen=True)
class Open:
    """An audit that is running."""

    id: int
    study_id: int
    project_id: int


@dataclass
class Standing:
    """Where a study stands, in the few words that an audit needs."""

    state: StudyState
    deleted: bool
    budget_left: int | None
    trials: dict[str, int] = field(default_factory=dict)
    """State → how many."""
    worker_s: float = 0.0

    @property
    def at_work(self) -> int:
        """Trials that somebody has, or whose point is being computed."""
        return sum(self.trials.get(state, 0) for state in ("reserved", "leased"))

    @property
    def over(self) -> bool:
        """Whether it brings no more results."""
        return self.deleted or (self.state in ("completed", "archived") and self.at_work == 0)

    @property
    def cut_short(self) -> bool:
        """Whether it was ended before all of its trials were handed out."""
        return self.deleted or bool(self.budget_left or self.trials.get("queued"))

    @property
    def left(self) -> int:
        """Trials that are yet to end."""
        if self.over:
            return 0
        if self.state in ("completed", "archived"):
            return self.at_work
        return (self.budget_left or 0) + self.trials.get("queued", 0) + self.at_work

    @property
    def counts(self) -> SearchCounts:
        """What it cost."""
        ended = {
            state: self.trials.get(state, 0) for state in ("completed", "infeasible", "failed", "stopped")
        }
        lost = self.trials.get("lost", 0) + self.trials.get("abandoned", 0)
        return SearchCounts(trials=sum(self.trials.values()), lost=lost, worker_s=self.worker_s, **ended)


GONE = Standing("archived", deleted=True, budget_left=0)
"""A study that was deleted and forgotten."""


@dataclass(frozen=True)
class Result:
    """A completed trial."""

    trial: int
    value: float
    metrics: dict[str, MeasuredValue]
    params: Params

    @property
    def values(self) -> dict[str, float]:
        """Every metric's value."""
        return {name: measured.value for name, measured in self.metrics.items()}


class CampaignAuditRepository:
    """Audits by their study; studies by their ids, whatever the actor's key is for: they are the audit's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, audit: CampaignAudit) -> None:
        """Store a new audit."""
        self._session.add(audit)
        self._session.flush()

    def of(self, study: Study) -> Sequence[CampaignAudit]:
        """A study's audits, oldest first."""
        return self._session.scalars(_OF_STUDY, {"study": study.id}).all()

    def get(self, study: Study, number: int | None = None) -> tuple[CampaignAudit, int]:
        """An audit of the study, the newest unless a number is given, and how many there are.

        Raises:
            NotFound: there is none, or none of this number.
        """
        found = self.of(study)
        if not found:
            raise NotFound(
                f"The study {study.name!r} has not been audited. POST to the same path, or say "
                f"`headway audit {study.name}`, to begin."
            )
        if number is None:
            return found[-1], len(found)
        if number > len(found):
            raise NotFound(f"The study {study.name!r} has no audit {number}; its last is {len(found)}.")
        return found[number - 1], len(found)

    def by_id(self, audit_id: int) -> CampaignAudit | None:
        """An audit; None where it is gone."""
        return self._session.get(CampaignAudit, audit_id)

    def running(self) -> list[Open]:
        """The audits of any project that are not complete, of studies that are there."""
        return [Open(*row) for row in self._session.execute(_RUNNING)]

    def standings(self, study_ids: Sequence[int], *, worked: bool = False) -> Mapping[int, Standing]:
        """Where studies stand, by id, without those that are gone; with `worked` for how long, too."""
        parameters = {"studies": list(study_ids)}
        found = {
            id_: Standing(state, deleted_at is not None, None if budget is None else budget - created)
            for id_, state, deleted_at, budget, created in self._session.execute(_STATES, parameters)
        }
        for id_, state, number in self._session.execute(_TRIALS, parameters):
            found[id_].trials[state] = number
        for id_, seconds in self._session.execute(_WORKED, parameters) if worked else ():
            found[id_].worker_s = float(seconds or 0.0)
        return found

    def results(self, study_ids: Sequence[int]) -> Mapping[int, list[Result]]:
        """The results that stand for the trials of these studies, by study, but for excluded ones."""
        found: defaultdict[int, list[Result]] = defaultdict(list)
        for id_, *row in self._session.execute(_RESULTS, {"studies": list(study_ids)}):
            found[id_].append(Result(*row))
        return found

    def trial_params(self, study: Study) -> Iterator[Params]:
        """The points of all trials of a study that have one."""
        rows = self._session.scalars(_PARAMS, {"study": study.id})
        return (params for params in rows if params is not None)


class _Seconds(FunctionElement[float]):
    """Seconds from one moment to another."""

    type = Float(53)
    inherit_cache = True
    name = "seconds_between"


@compiles(_Seconds, "sqlite")
def _sqlite(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(julianday({end}) - julianday({start})) * 86400.0"


@compiles(_Seconds, "postgresql")
def _postgres(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"EXTRACT(EPOCH FROM {end} - {start})"


_studies = bindparam("studies", type_=BigInteger, expanding=True)
_OF_STUDY = select(CampaignAudit).where(audits.c.study_id == bindparam("study")).order_by(audits.c.number)
_RUNNING = (
    select(audits.c.id, audits.c.study_id, studies.c.project_id)
    .join(studies, studies.c.id == audits.c.study_id)
    .where(audits.c.completed_at.is_(None), studies.c.deleted_at.is_(None))
    .order_by(audits.c.id)
)
_STATES = select(
    studies.c.id, studies.c.state, studies.c.deleted_at, studies.c.budget, studies.c.trials_created
).where(studies.c.id.in_(_studies))
_TRIALS = (
    select(trials.c.study_id, trials.c.state, func.count())
    .where(trials.c.study_id.in_(_studies))
    .group_by(trials.c.study_id, trials.c.state)
)
_WORKED = (
    select(trials.c.study_id, func.sum(_Seconds(attempts.c.leased_at, attempts.c.ended_at)))
    .join(attempts, attempts.c.trial_id == trials.c.id)
    .where(trials.c.study_id.in_(_studies), attempts.c.ended_at.is_not(None))
    .group_by(trials.c.study_id)
)
_RESULTS = (
    select(
        trials.c.study_id,
        trials.c.number,
        observations.c.value,
        observations.c.metrics,
        observations.c.params,
    )
    .join(observations, observations.c.trial_id == trials.c.id)
    .where(
        trials.c.study_id.in_(_studies),
        trials.c.excluded.is_(False),
        observations.c.outcome == "completed",
        observations.c.superseded.is_(False),
    )
    .order_by(trials.c.study_id, trials.c.number)
)
_PARAMS = select(trials.c.params).where(trials.c.study_id == bindparam("study"))
