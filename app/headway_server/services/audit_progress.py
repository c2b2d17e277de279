"""The server moves audits on: it makes the studies in which they are measured, one after the other.

Each step is one transaction under the lock of the audited study, and looks at the rows alone. So any replica
may take it, two never take the same, and a server that is killed between two of them leaves nothing to mend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from random import Random

from headway.wire.base import Params
from headway.wire.campaign_audit import CompanionRole
from headway_server.domain.access import SERVER
from headway_server.domain.audit import (
    CampaignAudit,
    Companion,
    FrozenPoint,
    NullSlot,
    companion_definition,
    frozen_points,
)
from headway_server.domain.brought import enqueued
from headway_server.domain.feasibility import random_point
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study
from headway_server.services.standing import counted_trials
from headway_server.storage.campaign_audits import GONE
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork

OTHER_NAMES = 50
"""Names that are tried where somebody has taken the first."""


def move_on(database: Database) -> int:
    """Take every step that running audits are ready for; how many there were.

    An audit whose study somebody holds is left to them, or to the next time.
    """
    taken = 0
    for audit in database.read(lambda uow: uow.campaign_audits.running()):
        acting = database.acting(SERVER.within(audit.project_id))
        while acting.write(partial(_step, audit.id, audit.study_id)):
            taken += 1
    return taken


def _step(audit_id: int, study_id: int, uow: UnitOfWork) -> bool:
    """The next step of one audit; whether there was one."""
    study = uow.studies.lock_if_free(study_id)
    audit = None if study is None else uow.campaign_audits.by_id(audit_id)
    if study is None or audit is None or audit.completed_at is not None:
        return False
    if audit.replicates is None:
        points = [
            audit.points[audit.point_of(number)].params for number in _numbers(audit, len(audit.points))
        ]
        audit.replicates = _make(uow, study, audit, "replicates", points)
        return True
    for place, slot in enumerate(audit.searches):
        if slot.search is None:
            audit.set_slot(place, replace(slot, search=_search(uow, study, audit, place)))
            return True
    standings = uow.campaign_audits.standings([one.study_id for one, _ in audit.companions])
    waits = {id_ for id_, one in standings.items() if not one.over}
    for place, slot in enumerate(audit.searches):
        settled = slot.replicates is not None or slot.nothing_counts
        if slot.search is not None and slot.search.study_id not in waits and not settled:
            gone = standings.get(slot.search.study_id, GONE).deleted
            audit.set_slot(place, _audited(uow, study, audit, place, slot, gone=gone))
            return True
    if waits:
        return False
    audit.completed_at = uow.now
    uow.events.record(study, "audit.completed", uow.now, number=audit.number)
    return True


def _audited(
    uow: UnitOfWork, study: Study, audit: CampaignAudit, place: int, slot: NullSlot, *, gone: bool
) -> NullSlot:
    """A random search that is over, with replicates of its incumbent; or without, where nothing counts."""
    point = None if gone or slot.search is None else _incumbent(uow, slot.search)
    if point is None:
        return replace(slot, nothing_counts=True)
    points = [point.params for _ in _numbers(audit, 1)]
    role: CompanionRole = "random-search-replicates"
    return replace(slot, frozen=point, replicates=_make(uow, study, audit, role, points, place=place))


def _incumbent(uow: UnitOfWork, search: Companion) -> FrozenPoint | None:
    # Not locked: it is over, and its like would be frozen a moment later.
    study = uow.studies.by_id(search.study_id)
    if study is None:
        return None
    return next(iter(frozen_points(study, counted_trials(uow, study), 1)), None)


def _search(uow: UnitOfWork, study: Study, audit: CampaignAudit, place: int) -> Companion:
    """A random search. With a fidelity its points are drawn here, at the target: the strategy `random` draws
    the fidelity too, and hardly ever the target, where alone results count.
    """
    if audit.definition.fidelity is None:
        return _make(uow, study, audit, "random-search", (), place=place)
    definition = companion_definition(audit, "random-search", place)
    space = SearchSpace.from_wire(definition.space)
    goal = study.goals.fidelity
    if goal is None:
        raise AssertionError(f"study {study.name} has lost its fidelity")
    kind = next(one for one in definition.space.scalars if one.name == goal.parameter)
    held: Params = {goal.parameter: int(goal.target) if kind.type == "int" else goal.target}
    draw = Random(definition.seed).random  # noqa: S311 (no secret)
    points = [space.check(random_point(space, draw, held)) for _ in range(audit.budget)]
    return _make(uow, study, audit, "random-search", points, place=place)


def _make(
    uow: UnitOfWork,
    study: Study,
    audit: CampaignAudit,
    role: CompanionRole,
    points: Sequence[Params],
    *,
    place: int = 0,
) -> Companion:
    """A study for the audit, with these points queued."""
    definition = companion_definition(audit, role, place)
    names = [definition.name, *(f"{definition.name}.{k}" for k in range(2, OTHER_NAMES))]
    definition = definition.model_copy(update={"name": uow.studies.free_name(names)})
    made = Study.define(definition, uow.now)
    made.audit_of = study.name
    uow.studies.add(made)
    uow.events.record(made, "study.created", uow.now, audit_of=study.name, audit=audit.number)
    for params in points:
        trial = enqueued(
            made, params, None, uow.now, policy="random" if role == "random-search" else "replicate"
        )
        uow.trials.add(trial)
        uow.events.record(made, "trial.queued", uow.now, trial=trial.number)
    return Companion(made.stored_id, made.name)


def _numbers(audit: CampaignAudit, points: int) -> range:
    """The numbers of the trials that replicate so many points."""
    return range(1, points * audit.request.replicates + 1)
