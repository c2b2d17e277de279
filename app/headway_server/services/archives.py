"""A study that was exported whole becomes a study again."""

from __future__ import annotations

import secrets

from headway.wire.amendments import TrialChange
from headway.wire.archive import Archive, ArchivedCompanion, ArchivedContents, ArchivedTrial
from headway.wire.study import StudyView
from headway_server.domain.archive import check_archive
from headway_server.domain.audit import Companion
from headway_server.domain.errors import DefinitionConflict
from headway_server.domain.observation import Observation
from headway_server.domain.study import Study
from headway_server.domain.trial import Attempt, Trial
from headway_server.services.archived_audits import audit_of
from headway_server.services.views import study_view
from headway_server.storage.database import Database
from headway_server.storage.measurements import MeasurementRow
from headway_server.storage.tables import Event, SpaceRow
from headway_server.storage.unit_of_work import UnitOfWork

OTHER_NAMES = 50
"""Names that are tried for a companion where its own is taken."""
NAME_KEPT = 60
"""Characters of its name that the others begin with: names have 64 at most."""


def import_study(database: Database, archive: Archive, name: str | None = None) -> tuple[StudyView, bool]:
    """The study of an archive, and whether this call created it: exporting it gives the same document again,
    but for other names. The studies of its audits come with it. A second import finds the first one's study.

    Args:
        database: where it goes.
        archive: the document.
        name: in place of its own.

    Raises:
        InvalidArchive: the document contradicts itself.
        DefinitionConflict: the name is taken by another study.
    """
    check_archive(archive)
    name = name or archive.study.definition.name

    def work(uow: UnitOfWork) -> tuple[StudyView, bool]:
        present = uow.studies.find(name)
        if present is not None:
            if (present.created_at, present.definition_hash) == _origin(archive):
                return study_view(uow, present), False
            raise DefinitionConflict.at(
                "/study/definition/name",
                f"There is another study {name!r} already.",
                "Import it under another name: ?name=….",
            )
        study = _make(uow, archive, name)
        companions = {one.study.definition.name: _companion(uow, one, name) for one in archive.companions}
        for audit in archive.audits:
            uow.campaign_audits.add(audit_of(audit, study, companions))
        uow.audit.record(study.project_id, "study.imported", uow.now, name=name)
        return study_view(uow, study), True

    return database.write(work)


def _companion(uow: UnitOfWork, archived: ArchivedCompanion, audited: str) -> Companion:
    """A study of an audit: made anew, under another name where its own is taken, but for a random search
    that was there before and is here already.
    """
    name = archived.study.definition.name
    if not archived.made_for_audit:
        present = uow.studies.find(name)
        if present is not None and (present.created_at, present.definition_hash) == _origin(archived):
            return Companion(present.stored_id, name)
    names = [name, *(f"{name[:NAME_KEPT]}.{k}" for k in range(2, OTHER_NAMES))]
    made = _make(uow, archived, uow.studies.free_name(names), audited if archived.made_for_audit else None)
    return Companion(made.stored_id, made.name)


def _make(uow: UnitOfWork, archive: ArchivedContents, name: str, audited: str | None = None) -> Study:
    """A study of an archive's content under this name; `audited`: the one for whose audit it was made."""
    study = _study(archive, name)
    study.audit_of = audited
    uow.studies.add(study)
    if study.id is None:
        raise AssertionError("a stored study has an id")
    uow.session.add_all([SpaceRow(study_id=study.id, actor=None, **dict(one)) for one in archive.spaces])
    trials = [_trial(study.id, trial) for trial in archive.trials]
    for trial in trials:
        uow.trials.add(trial)
    for event in archive.events:
        # Who did it is the old server's to know: its keys mean nothing here.
        uow.events.add(Event(study_id=study.id, actor=None, request_id=None, **dict(event)))
    uow.flush()
    uow.measurements.add(
        study,
        [
            (trials[one.trial - 1], MeasurementRow(**one.model_dump(exclude={"trial"})))
            for one in archive.measurements
        ],
    )
    return study


def _origin(archive: ArchivedContents) -> tuple[object, str]:
    return archive.study.created_at, archive.study.definition_hash


def _study(archive: ArchivedContents, name: str) -> Study:
    fields = dict(archive.study)
    definition = archive.study.definition.model_copy(update={"name": name})
    return Study(**(fields | {"name": name, "definition": definition}))


def _trial(study_id: int, archived: ArchivedTrial) -> Trial:
    """The trial's row. Its attempts get tokens that nobody has: the old ones stay with the old server."""
    fields = dict(archived)
    attempts = [
        Attempt(token=f"{attempt.number}.{secrets.token_hex(16)}", **dict(attempt))
        for attempt in archived.attempts
    ]
    observations = [Observation(study_id=study_id, **dict(seen)) for seen in archived.observations]
    history = tuple(TrialChange(actor=None, **change.model_dump()) for change in archived.history)
    parts = {"attempts": attempts, "observations": observations, "history": history}
    return Trial(study_id=study_id, **(fields | parts))
