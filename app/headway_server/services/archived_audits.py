"""A study's audits as parts of its archive, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping

from headway.wire.archive import ArchivedAudit, ArchivedPoint, ArchivedSlot
from headway_server.domain.audit import CampaignAudit, Companion, FrozenPoint, NullSlot
from headway_server.domain.study import Study
from headway_server.storage.unit_of_work import UnitOfWork

NOWHERE = 0
"""The id of a companion that was deleted before the export: no study has it, so that it counts as gone."""


def taking_part(uow: UnitOfWork, study: Study) -> list[Study]:
    """The studies that the study's audits are made of and that have not been deleted, in their order. A key
    of this study alone does not see random searches that were there before.
    """
    ids = {one.study_id: None for audit in uow.campaign_audits.of(study) for one, _ in audit.companions}
    found = [one for id_ in ids if (one := uow.studies.by_id(id_)) is not None and one.deleted_at is None]
    return [one for one in found if one.audit_of == study.name or uow.actor.study is None]


def archived_audit(audit: CampaignAudit) -> ArchivedAudit:
    """The audit with its studies by name."""
    return ArchivedAudit(
        number=audit.number,
        digest=audit.digest,
        request=audit.request,
        definition=audit.definition,
        search=audit.search,
        budget=audit.budget,
        points=tuple(ArchivedPoint.model_validate(point) for point in audit.points),
        replicates=audit.replicates and audit.replicates.name,
        searches=tuple(
            ArchivedSlot(
                search=slot.search and slot.search.name,
                reused=slot.reused,
                frozen=slot.frozen and ArchivedPoint.model_validate(slot.frozen),
                replicates=slot.replicates and slot.replicates.name,
                nothing_counts=slot.nothing_counts,
            )
            for slot in audit.searches
        ),
        created_at=audit.created_at,
        completed_at=audit.completed_at,
    )


def audit_of(archived: ArchivedAudit, study: Study, companions: Mapping[str, Companion]) -> CampaignAudit:
    """The row of an archived audit.

    Args:
        archived: the audit.
        study: the one that it is of.
        companions: by their names in the archive, the studies as they are here.
    """

    def here(name: str | None) -> Companion | None:
        return None if name is None else companions.get(name, Companion(NOWHERE, name))

    searches = tuple(
        NullSlot(
            search=here(slot.search),
            reused=slot.reused,
            frozen=None if slot.frozen is None else FrozenPoint(**dict(slot.frozen)),
            replicates=here(slot.replicates),
            nothing_counts=slot.nothing_counts,
        )
        for slot in archived.searches
    )
    points = tuple(FrozenPoint(**dict(point)) for point in archived.points)
    parts = {"points": points, "searches": searches, "replicates": here(archived.replicates)}
    return CampaignAudit(study_id=study.stored_id, **(dict(archived) | parts))
