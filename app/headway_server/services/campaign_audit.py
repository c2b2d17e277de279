"""An editor begins the audit of a campaign: what is to be measured again is chosen, once and for all."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headway.wire.campaign_audit import AuditReport, AuditRequest, SearchCounts
from headway_server.domain.audit import (
    CampaignAudit,
    Companion,
    Counted,
    FrozenPoint,
    NullSlot,
    control_of,
    digest_of,
    frozen_points,
    null_budget,
    require_auditable,
    require_random_search,
)
from headway_server.domain.errors import (
    EngineUnavailable,
    HeadwayError,
    IllegalTransition,
    OutOfScope,
    ValidationFailed,
)
from headway_server.domain.study import Study
from headway_server.services.audit_report import report_of
from headway_server.services.engine_port import Engine
from headway_server.services.standing import counted_trials
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork

MIN_COUNTED = 3
"""Trials that must count: with fewer there is no choice to speak of, and hardly a control."""


@dataclass(frozen=True)
class Frozen:
    """What an audit would be of, read before anything is locked."""

    last_seq: int
    points: tuple[FrozenPoint, ...]
    search: SearchCounts
    budget: int
    digest: str


@dataclass(frozen=True)
class Auditor:
    """Begins audits, and asks the engine what the model believes of what they freeze."""

    engine: Engine

    def begin(self, database: Database, name: str, request: AuditRequest) -> tuple[AuditReport, bool]:
        """The audit of this campaign, and whether this call began it: the same request about the same data
        finds the audit that it began before. Its studies are made by `audit_progress.move_on`. An audit does
        not wait for an engine that is away: it has no beliefs then.

        Raises:
            NotFound: no such study.
            UnsupportedObjectives: it has several objectives.
            IllegalTransition: it is not over, too few of its trials count, the incumbent's point is none of
                the present space, or another audit of it is running.
            ValidationFailed: a study of `reuse` is no null of this one.
            OutOfScope: the key is for one study, and an audit makes others.
        """
        while True:
            frozen = _looked_at(database, name, request)
            if isinstance(frozen, Frozen):
                frozen = replace(frozen, points=_believed(self.engine, name, frozen.points))

            def work(
                uow: UnitOfWork, frozen: Frozen | HeadwayError = frozen
            ) -> tuple[AuditReport, bool] | None:
                if isinstance(frozen, HeadwayError):
                    raise frozen
                study = uow.studies.lock(name)
                if study.last_seq != frozen.last_seq:
                    return None  # a result has come in between: look again
                return _begin(uow, study, request, frozen)

            begun = database.write(work)
            if begun is not None:
                return begun


def read(database: Database, name: str, number: int | None = None) -> AuditReport:
    """An audit of the study, as far as it is: the newest, or the one of this number.

    Raises:
        NotFound: no such study, or it has no such audit.
    """

    def work(uow: UnitOfWork) -> AuditReport:
        study = uow.studies.get(name)
        audit, audits = uow.campaign_audits.get(study, number)
        return report_of(uow, study, audit, audits)

    return database.snapshot(work)


def newest(database: Database, name: str) -> AuditReport | None:
    """The newest audit of the study; None before the first.

    Raises:
        NotFound: no such study.
    """

    def work(uow: UnitOfWork) -> AuditReport | None:
        study = uow.studies.get(name)
        found = uow.campaign_audits.of(study)
        return report_of(uow, study, found[-1], len(found)) if found else None

    return database.snapshot(work)


def _looked_at(database: Database, name: str, request: AuditRequest) -> Frozen | HeadwayError:
    """What the audit would be of, or why there can be none: to be said within the transaction, so that a
    repeated request is answered as it was before, whatever the study has come to since.
    """
    try:
        return database.read(lambda uow: _freeze(uow, uow.studies.get(name), request))
    except HeadwayError as error:
        return error


def _believed(engine: Engine, name: str, points: tuple[FrozenPoint, ...]) -> tuple[FrozenPoint, ...]:
    try:
        found = engine.predict(name, [point.params for point in points])
    except EngineUnavailable:
        return points
    if found is None:
        return points
    return tuple(
        replace(point, believed=interval) for point, interval in zip(points, found.intervals, strict=True)
    )


def _freeze(uow: UnitOfWork, study: Study, request: AuditRequest) -> Frozen:
    if uow.actor.study is not None:
        raise OutOfScope(
            f"This key is for the study {study.name!r} only, and an audit makes studies beside it. "
            "Use a key of the whole project."
        )
    standing = uow.campaign_audits.standings([study.stored_id], worked=True)[study.stored_id]
    require_auditable(study, standing.at_work)
    counted = counted_trials(uow, study)
    if len(counted) < MIN_COUNTED:
        raise IllegalTransition(
            f"{len(counted)} trials of the study {study.name!r} count (completed, within the outcome "
            f"constraints, at the target fidelity); an audit needs {MIN_COUNTED}. Raise `budget` and let it "
            "run on."
        )
    costs: list[float] = []
    if (goal := study.goals.fidelity) is not None:
        points = uow.campaign_audits.trial_params(study)
        costs = [goal.cost(float(one[goal.parameter])) for one in points if goal.parameter in one]
    return Frozen(
        last_seq=study.last_seq,
        points=_points(study, counted, request),
        search=standing.counts,
        budget=null_budget(study, costs),
        digest=digest_of(request, (counted, sorted(standing.trials.items()), study.space_version)),
    )


def _points(study: Study, counted: list[Counted], request: AuditRequest) -> tuple[FrozenPoint, ...]:
    points = frozen_points(study, counted, request.top)
    control = control_of(request.seed, study, counted, points[0]) if points else None
    if control is None:
        raise IllegalTransition(
            f"Of the trials of {study.name!r} that count, {len(points)} are points of its present space: an "
            "audit needs an incumbent and a control. Put a space in force that has them."
        )
    best = min((-one.value if study.maximize else one.value) for one in counted)
    if (-points[0].observed if study.maximize else points[0].observed) != best:
        raise IllegalTransition(
            f"The incumbent of {study.name!r} is no point of its present space, so nobody can be sent to it. "
            "Put a space in force that has it, or exclude the trial."
        )
    return (*points, control)


def _begin(uow: UnitOfWork, study: Study, request: AuditRequest, frozen: Frozen) -> tuple[AuditReport, bool]:
    before = uow.campaign_audits.of(study)
    for one in before:
        if one.digest == frozen.digest:
            return report_of(uow, study, one, len(before)), False
    if before and before[-1].completed_at is None:
        raise IllegalTransition(
            f"Audit {before[-1].number} of {study.name!r} is running, with another request or on other data. "
            "Wait for its end: a second look before the first is over would be optional stopping."
        )
    reused = _reused(uow, study, request)
    audit = CampaignAudit(
        study_id=study.stored_id,
        number=len(before) + 1,
        digest=frozen.digest,
        request=request,
        definition=study.definition,
        search=frozen.search,
        budget=frozen.budget,
        points=frozen.points,
        searches=(*reused, *[NullSlot()] * (request.null_campaigns - len(reused))),
        created_at=uow.now,
    )
    uow.campaign_audits.add(audit)
    uow.events.record(study, "audit.started", uow.now, number=audit.number)
    return report_of(uow, study, audit, audit.number), True


def _reused(uow: UnitOfWork, study: Study, request: AuditRequest) -> list[NullSlot]:
    """The random searches that are there already.

    Raises:
        ValidationFailed: one of them is none, two are the same, or there are too many.
        NotFound: there is no such study.
    """
    if len(request.reuse) > request.null_campaigns:
        raise ValidationFailed.at(
            "/reuse",
            f"{len(request.reuse)} studies are to be reused as {request.null_campaigns} random searches.",
            "Raise `null_campaigns`, or name fewer.",
        )
    slots: list[NullSlot] = []
    seeds: dict[int, str] = {}
    for place, name in enumerate(request.reuse):
        other = uow.studies.get(name)
        standing = uow.campaign_audits.standings([other.stored_id])[other.stored_id]
        require_random_search(other, study, is_over=standing.over, pointer=f"/reuse/{place}")
        if (same := seeds.setdefault(other.definition.seed, name)) != name or name in request.reuse[:place]:
            raise ValidationFailed.at(
                f"/reuse/{place}",
                f"{name!r} has the seed {other.definition.seed}, as {same!r} has: the same search twice.",
                "Name random searches with seeds of their own.",
            )
        slots.append(NullSlot(search=Companion(other.stored_id, name), reused=True))
    return slots
