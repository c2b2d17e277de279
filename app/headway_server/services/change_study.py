"""An editor changes a study: pauses, resumes or closes it, sets its budget or its notes."""

from __future__ import annotations

from headway.wire.study import StudyPatch, StudyView
from headway_server.domain.errors import IllegalTransition
from headway_server.domain.study import Study
from headway_server.services.leases import complete_if_spent
from headway_server.services.preconditions import require_if_match, require_match
from headway_server.services.views import study_view
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


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
    known = require_if_match(if_match, f"the study {name!r}", f"/v1/studies/{name}")

    def work(uow: UnitOfWork) -> StudyView:
        study = uow.studies.lock(name)
        seen = study.etag
        changed = study.change(patch)
        if changed:
            require_match(known, seen, f"the study {name!r}")
            uow.events.record(study, "study.changed", uow.now, changed=changed)
            complete_if_spent(uow, study)
            _require_kept(study, patch)
        return study_view(uow, study)

    return database.write(work)


def _require_kept(study: Study, patch: StudyPatch) -> None:
    if patch.state == "running" and study.state == "completed":
        raise IllegalTransition(
            f"The study {study.name!r} has handed out its budget of {study.budget} trials, and all have come "
            "to their end. Raise `budget` to let it run again."
        )
