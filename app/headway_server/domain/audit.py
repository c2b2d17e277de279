"""The audit of a campaign: what it freezes, and the studies in which others measure it again.

Frozen are the incumbent, the runners-up, and a control that no search chose. Each gets replicates with fresh
seeds; and so does the incumbent of each of K random searches of equal budget, the null that the campaign is
compared with. All of it happens in companion studies: the audited one is read, and nothing more.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from headway.wire.base import Params
from headway.wire.campaign_audit import AuditRequest, CompanionRole, PointRole, SearchCounts
from headway.wire.study import Interval, StudyDefinition
from headway_server.domain.errors import (
    IllegalTransition,
    InvalidRequest,
    UnsupportedObjectives,
    ValidationFailed,
)
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study

NAME_KEPT = 34
"""Characters of a study's name that its companions' names begin with; a longer one is cut and marked."""


@dataclass(frozen=True)
class Counted:
    """A completed trial that may be the best of its study."""

    number: int
    params: Params
    value: float


@dataclass(frozen=True)
class FrozenPoint:
    """A trial as it was when the audit began."""

    role: PointRole
    trial: int
    params: Params
    selection_value: float
    observed: float
    believed: Interval | None = None
    """The model's posterior there, when the audit began."""


@dataclass(frozen=True)
class Companion:
    """A study that was made for an audit."""

    study_id: int
    name: str


@dataclass(frozen=True)
class NullSlot:
    """One random search, and where its audit stands."""

    search: Companion | None = None
    """None: still to be made."""
    reused: bool = False
    frozen: FrozenPoint | None = None
    """Its incumbent, once it is over."""
    replicates: Companion | None = None
    nothing_counts: bool = False
    """It is over, and found nothing that counts."""


@dataclass(eq=False)
class CampaignAudit:
    """An audit's row. Whoever changes it has locked the audited study."""

    study_id: int
    number: int
    digest: str
    """Of the request and the data: the same two are the same audit."""
    request: AuditRequest
    definition: StudyDefinition
    """The audited study's, as it was."""
    search: SearchCounts
    budget: int
    """Evaluations of a random search."""
    points: tuple[FrozenPoint, ...]
    searches: tuple[NullSlot, ...]
    created_at: datetime
    replicates: Companion | None = None
    """None: still to be made."""
    completed_at: datetime | None = None
    id: int | None = None

    def set_slot(self, place: int, slot: NullSlot) -> None:
        """Note where one random search stands."""
        self.searches = (*self.searches[:place], slot, *self.searches[place + 1 :])

    @property
    def companions(self) -> tuple[tuple[Companion, CompanionRole], ...]:
        """Every study whose trials this audit waits for."""
        found: list[tuple[Companion | None, CompanionRole]] = [(self.replicates, "replicates")]
        for slot in self.searches:
            found += [(slot.search, "random-search"), (slot.replicates, "random-search-replicates")]
        return tuple((one, role) for one, role in found if one is not None)

    def point_of(self, number: int) -> int:
        """Which of the points a trial of the replicates evaluates. They take turns, so that whatever drifts
        while they are measured meets all of them alike.
        """
        return (number - 1) % len(self.points)


def require_auditable(study: Study, open_trials: int) -> None:
    """Refuse what can't be audited.

    Args:
        study: the campaign.
        open_trials: how many of its trials have not come to their end.

    Raises:
        UnsupportedObjectives: it has several objectives.
        IllegalTransition: it is not over, or is itself part of an audit.
    """
    if study.audit_of is not None:
        raise IllegalTransition(
            f"The study {study.name!r} is part of the audit of {study.audit_of!r}. Audit that one."
        )
    if len(study.goals.objectives) > 1:
        raise UnsupportedObjectives(
            f"The study {study.name!r} has {len(study.goals.objectives)} objectives; an audit replicates one "
            "incumbent. Audit a study with one objective, and the others as outcome constraints."
        )
    if not over(study.state, open_trials):
        raise IllegalTransition(
            f"The study {study.name!r} is {study.state} with {open_trials} trials at work: an audit needs a "
            "campaign that is over. Wait for its end, or set `state` to `completed` and wait for what is at "
            "work."
        )


def over(state: str, open_trials: int) -> bool:
    """Whether a study brings no more results: nobody is handed a trial, and nobody has one."""
    return state in ("completed", "archived") and open_trials == 0


def require_random_search(other: Study, study: Study, *, is_over: bool, pointer: str) -> None:
    """Refuse a study that is no null of this one.

    Raises:
        ValidationFailed: naming what differs.
    """
    differing = [
        field
        for field in ("space", "objectives", "outcome_constraints", "fidelity")
        if getattr(other.definition, field) != getattr(study.definition, field)
    ]
    if other.definition.strategy != "random":
        differing.insert(0, f"strategy ({other.definition.strategy!r} in place of 'random')")
    if other.last_number != study.last_number:
        differing.append(f"number of trials ({other.last_number} in place of {study.last_number})")
    if study.goals.fidelity is not None:
        differing.append("fidelities (a random search of its own is made at the target)")
    if other.audit_of is not None:
        differing.append(f"purpose (it is part of the audit of {other.audit_of!r})")
    if not is_over:
        differing.append(f"state ({other.state}: it is not over)")
    if differing:
        raise ValidationFailed.at(
            pointer,
            f"{other.name!r} is no random search that {study.name!r} can be compared with: it has another "
            f"{', another '.join(differing)}.",
            "Leave it out: the audit makes random searches of its own.",
        )


def frozen_points(study: Study, counted: Iterable[Counted], top: int) -> list[FrozenPoint]:
    """The incumbent and the runners-up: up to `top` trials, at points of the present space that differ.

    Args:
        study: whose trials they are.
        counted: the trials that count, in order of arrival.
        top: how many.
    """
    found: list[FrozenPoint] = []
    space = SearchSpace.from_wire(study.definition.space)
    for one in sorted(
        counted, key=lambda one: -one.value if study.maximize else one.value
    ):  # of equals the first
        params = _of_space(space, one.params)
        if params is not None and all(params != other.params for other in found):
            role: PointRole = "runner-up" if found else "incumbent"
            found.append(FrozenPoint(role, one.number, params, one.value, one.value))
        if len(found) == top:
            break
    return found


def control_of(
    seed: int, study: Study, counted: Iterable[Counted], incumbent: FrozenPoint
) -> FrozenPoint | None:
    """The trial that a random permutation of the observed values over the trials makes the incumbent; None
    where there is no other in the present space. A permutation that leaves the best value where it is is
    drawn again: it is no control.

    Args:
        seed: the audit's.
        study: the campaign.
        counted: the trials that count.
        incumbent: the one that has the best value.
    """
    others = [one for one in counted if one.number != incumbent.trial]
    others.sort(key=lambda one: _draw(seed, study.definition, f"control {one.number}"))
    space = SearchSpace.from_wire(study.definition.space)
    for one in others:
        params = _of_space(space, one.params)
        if params is not None:
            return FrozenPoint("control", one.number, params, incumbent.selection_value, one.value)
    return None


def null_budget(study: Study, costs: Sequence[float]) -> int:
    """Evaluations of a random search of equal budget: as many as the campaign has trials, failed, stopped and
    imported ones too. With a fidelity, as many at the target as cost no more than all of the campaign's did.

    Args:
        study: the campaign.
        costs: of its trials with a known point, where it has a fidelity.
    """
    goal = study.goals.fidelity
    if goal is None:
        return study.last_number
    return max(1, math.floor(math.fsum(costs) / goal.cost(goal.target) * (1 + 1e-9)))


def companion_definition(audit: CampaignAudit, role: CompanionRole, place: int = 0) -> StudyDefinition:
    """The definition of a study that the audit makes; its name may be taken.

    Args:
        audit: the audit.
        role: what it is for.
        place: of which random search.
    """
    search = role == "random-search"
    suffix = {"replicates": "replicates", "random-search": f"null-{place + 1}"}.get(
        role, f"null-{place + 1}.rep"
    )
    replicated = len(audit.points) if role == "replicates" else 1
    audited, policy = audit.definition, audit.definition.policy
    return audited.model_copy(
        update={
            "name": f"{_short(audited.name)}.audit-{audit.number}.{suffix}",
            "budget": audit.budget if search else replicated * audit.request.replicates,
            "strategy": "random",
            "n_initial": 1,  # no Sobol start: it covers the space better than random search does
            "seed": _draw(audit.request.seed, audited, f"{audit.number} {role} {place}"),
            # A replicate that is stopped early would say nothing.
            "policy": policy if search else policy.model_copy(update={"early_stopping": None}),
            "notes": f"Made for audit {audit.number} of the study {audited.name}: {role}.",
        }
    )


def digest_of(request: AuditRequest, seen: object) -> str:
    """Identifies an audit by what is asked and the data that it is asked of."""
    return hashlib.sha256(f"{request.model_dump_json()} {seen!r}".encode()).hexdigest()


def _of_space(space: SearchSpace, params: Params) -> Params | None:
    """The point, or None where it is none of the space: it was run elsewhere, or the space has changed."""
    try:
        return space.check(params)
    except InvalidRequest:
        return None


def _short(name: str) -> str:
    if len(name) <= NAME_KEPT:
        return name
    mark = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: NAME_KEPT - 9]}-{mark}"


def _draw(seed: int, audited: StudyDefinition, purpose: str) -> int:
    """A number in [0, 2^53): a function of what it is drawn for alone."""
    told = f"headway audit:{seed}:{audited.seed}:{audited.name}:{purpose}"
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=8).digest()) >> 11
