"""Create or get a study, and read studies."""

from __future__ import annotations

from headway.wire.study import StudyDefinition, StudyPage, StudyView
from headway_server.domain.errors import DefinitionConflict
from headway_server.domain.study import Study, check_definition, definition_hash
from headway_server.services.views import study_view
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def create_or_get(database: Database, definition: StudyDefinition) -> tuple[StudyView, bool]:
    """The study of this definition, and whether this call created it.

    Raises:
        InvalidRequest: the definition makes no sense.
        DefinitionConflict: the name is taken by a study with another definition.
        RoleTooLow, OutOfScope: there is no such study, and the key may join but not create it.
    """
    check_definition(definition)

    def work(uow: UnitOfWork) -> tuple[StudyView, bool]:
        present = uow.studies.find(definition.name)
        if present is not None:
            _require_same(present, definition)
            return study_view(uow, present), False
        uow.actor.require("editor", f"Creating the study {definition.name!r}")
        study = Study.define(definition, uow.now)
        uow.studies.add(study)
        uow.events.record(study, "study.created", uow.now)
        return study_view(uow, study), True

    return database.write(work)


def read(database: Database, name: str) -> StudyView:
    """One study.

    Raises:
        NotFound: there is none of this name.
    """
    return database.read(lambda uow: study_view(uow, uow.studies.get(name)))


def page(database: Database, cursor: str | None, limit: int, *, audits: bool = False) -> StudyPage:
    """Up to `limit` studies by name, after the one that the cursor names; with `audits` also those that were
    made for audits.
    """

    def work(uow: UnitOfWork) -> StudyPage:
        rows = uow.studies.page(cursor or "", limit + 1, companions=audits)
        more = len(rows) > limit
        return StudyPage(
            studies=tuple(study_view(uow, study) for study in rows[:limit]),
            next_cursor=rows[limit - 1].name if more else None,
        )

    return database.read(work)


def _require_same(present: Study, definition: StudyDefinition) -> None:
    # Not the stored hash: a field that has come since then must not make the same definition another one.
    if definition_hash(present.definition) == definition_hash(definition):
        return
    had, wanted = present.definition.model_dump(), definition.model_dump()
    differing = [field for field in wanted if field != "notes" and had[field] != wanted[field]]
    raise DefinitionConflict.at(
        f"/{differing[0]}",
        f"There is a study {definition.name!r} with another {', '.join(differing)}: "
        f"it has {_short(had[differing[0]])}, the request says {_short(wanted[differing[0]])}.",
        "Choose another name, or send the definition that the study has.",
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
