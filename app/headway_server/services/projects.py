"""Projects: the boundary that no key of another project sees across."""

from __future__ import annotations

from headway.wire.access import ProjectCreate, ProjectPage, ProjectPatch, ProjectView
from headway_server.domain.access import DEFAULT_PROJECT_ID
from headway_server.domain.errors import NotFound, ProjectConflict
from headway_server.domain.keys import Project
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def create_or_get(database: Database, asked: ProjectCreate) -> tuple[ProjectView, bool]:
    """The project of this name and these notes, and whether this call created it.

    Raises:
        OutOfScope: the key is of one project.
        ProjectConflict: the name is taken by a project with other notes.
    """

    def work(uow: UnitOfWork) -> tuple[ProjectView, bool]:
        uow.actor.require_everywhere("Making a project")
        present = uow.projects.find(asked.name)
        if present is not None and present.notes != asked.notes:
            raise _taken(asked.name)
        if present is not None:
            return _view(uow, present), False
        project = Project(name=asked.name, notes=asked.notes, created_at=uow.now)
        uow.projects.add(project)
        uow.audit.record(project.id, "project.created", uow.now, name=project.name)
        return _view(uow, project), True

    return database.write(work)


def page(database: Database, cursor: str | None, limit: int) -> ProjectPage:
    """Up to `limit` projects by name, after the one that the cursor names."""

    def work(uow: UnitOfWork) -> ProjectPage:
        rows = uow.projects.page(cursor or "", limit + 1)
        return ProjectPage(
            projects=tuple(_view(uow, project) for project in rows[:limit]),
            next_cursor=rows[limit - 1].name if len(rows) > limit else None,
        )

    return database.read(work)


def read(database: Database, name: str) -> ProjectView:
    """One project.

    Raises:
        NotFound: there is none of this name, or none that the actor may know of.
    """
    return database.read(lambda uow: _view(uow, found(uow.projects.find(name), name)))


def change(database: Database, name: str, patch: ProjectPatch) -> ProjectView:
    """Rename a project, or change its notes. Its keys and studies stay as they are.

    Raises:
        NotFound: no such project.
        ProjectConflict: the new name is taken, or the project is `default`, which keeps its name.
    """

    def work(uow: UnitOfWork) -> ProjectView:
        project = found(uow.projects.lock(name), name)
        if patch.name is not None and patch.name != project.name:
            if project.id == DEFAULT_PROJECT_ID:
                raise ProjectConflict.at(
                    "/name", f"The project {name!r} keeps its name.", "Make another project, and use that."
                )
            if uow.projects.named(patch.name) is not None:
                raise _taken(patch.name)
            project.name = patch.name
        if patch.notes is not None:
            project.notes = patch.notes
        uow.audit.record(project.id, "project.changed", uow.now, **patch.model_dump(exclude_none=True))
        return _view(uow, project)

    return database.write(work)


def delete(database: Database, name: str) -> None:
    """Delete a project that has no studies, with its keys.

    Raises:
        OutOfScope: the key is of one project.
        NotFound: no such project.
        ProjectConflict: it has studies, or is `default`.
    """

    def work(uow: UnitOfWork) -> None:
        uow.actor.require_everywhere("Deleting a project")
        project = found(uow.projects.lock(name), name)
        if project.id == DEFAULT_PROJECT_ID:
            raise ProjectConflict(f"The project {name!r} belongs to every installation. Leave it empty.")
        if studies := uow.projects.studies(project):
            raise ProjectConflict(f"The project {name!r} has {studies} studies. Delete them first.")
        uow.audit.record(project.id, "project.deleted", uow.now, name=name)
        uow.projects.remove(project)

    database.write(work)


def found(project: Project | None, name: str) -> Project:
    """The project that was looked for.

    Raises:
        NotFound: there is none, or none that the actor may know of: the same words for both.
    """
    if project is None:
        raise NotFound(f"There is no project {name!r}. `default` is always there.")
    return project


def _taken(name: str) -> ProjectConflict:
    return ProjectConflict.at("/name", f"There is another project {name!r}.", "Choose another name.")


def _view(uow: UnitOfWork, project: Project) -> ProjectView:
    return ProjectView(
        name=project.name,
        notes=project.notes,
        studies=uow.projects.studies(project),
        created_at=project.created_at,
    )
