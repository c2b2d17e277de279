"""An editor changes a study: pauses, resumes or closes it, sets its budget or its notes."""

from __future__ import annotations

from headway.wire.study import StudyPatch, StudyView
from headway_server.domain.errors import IllegalTransition, PreconditionRequired, StaleEtag
from headway_server.domain.study import Study
from headway_server.services.leases import complete_if_spent
from headway_server.services.views import study_view
from headway_server.storage.database import Database, UnitOfWork


def change(database: Database, name: str, patch: StudyPatch, if_match: str | None) -> StudyView:
    """Set what the patch names. Where all of it is so already, nothing is checked: a repeat is harmless.

    Args:
        database: whose actor asks.
        name: the study.
        patch: what is to change.
        if_match: the header If-Match: the ETag that the caller has seen, several, or `*` for any.

    Raises:
        NotFound: no such study.
        PreconditionRequired: there is no If-Match.
        StaleEtag: the study has changed since it was read.
        ValidationFailed: the budget is less than what has been handed out.
        IllegalTransition: the study is to run, and there is nothing left to hand out.
    """
    if if_match is None:
        raise PreconditionRequired(
            f"A change to the study {name!r} needs the header If-Match, with the ETag that GET "
            f"/v1/studies/{name} answers, or * to change it whatever it is."
        )

    def work(uow: UnitOfWork) -> StudyView:
        study = uow.studies.lock(name)
        seen = study.etag
        changed = study.change(patch)
        if changed:
            _require_match(name, if_match, seen)
            uow.events.record(study, "study.changed", uow.now, changed=changed)
            complete_if_spent(uow, study)
            _require_kept(study, patch)
        return study_view(uow, study)

    return database.write(work)


def _require_match(name: str, if_match: str, etag: str) -> None:
    # Strong comparison (RFC 9110, section 13.1.1): a weak tag, W/"…", never matches.
    tags = [tag.strip() for tag in if_match.split(",")]
    if "*" not in tags and etag not in tags:
        raise StaleEtag(
            f"The study {name!r} has the ETag {etag}, and If-Match says {if_match[:80]}. Somebody has "
            "changed it since: read it again, and send what should change with its new ETag."
        )


def _require_kept(study: Study, patch: StudyPatch) -> None:
    if patch.state == "running" and study.state == "completed":
        raise IllegalTransition(
            f"The study {study.name!r} has handed out its budget of {study.budget} trials, and all have come "
            "to their end. Raise `budget` to let it run again."
        )
