"""The versions of a study's search space.

The one in force is part of the study's definition. Rows are written from the second version on, so that a
study whose space was never changed costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from headway.wire.base import Params
from headway.wire.space import Space
from headway_server.domain.access import Actor
from headway_server.domain.errors import NotFound
from headway_server.domain.readings import Readings
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study
from headway_server.storage import queries
from headway_server.storage.tables import SpaceRow


class SpaceRepository:
    """Versions of search spaces, by number."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def versions(self, study: Study) -> Sequence[SpaceRow]:
        """All of them, oldest first."""
        if study.space_version == 1:
            return [_first(study)]
        return self._session.scalars(queries.SPACES, {"study": study.id}).all()

    def get(self, study: Study, version: int) -> SpaceRow:
        """One of them.

        Raises:
            NotFound: there is none of this number.
        """
        found = next((row for row in self.versions(study) if row.version == version), None)
        if found is None:
            raise NotFound(
                f"The space of the study {study.name!r} has no version {version}; the present one is "
                f"{study.space_version}."
            )
        return found

    def search_space(self, study: Study, version: int) -> SearchSpace:
        """The search space under which a trial was made."""
        if version == study.space_version:
            return SearchSpace.from_wire(study.definition.space)
        return SearchSpace.from_wire(self.get(study, version).space)

    def readings(self, study: Study) -> Readings:
        """What reads results in the present space."""
        space = SearchSpace.from_wire(study.definition.space)
        if study.space_version == 1:
            return Readings(space)
        defaults = {row.version: row.defaults for row in self.versions(study)}
        return Readings(space, study.space_version, defaults)

    def change(self, study: Study, space: Space, defaults: Params, now: datetime) -> None:
        """Put the next version of a locked study's space in force."""
        if study.space_version == 1:
            self._session.add(_first(study))
        study.change_space(space)
        self._session.add(
            SpaceRow(
                study_id=study.stored_id,
                version=study.space_version,
                space=space,
                defaults=defaults,
                created_at=now,
                actor=self._actor.name,
            )
        )
        self._session.flush()


def _first(study: Study) -> SpaceRow:
    return SpaceRow(
        study_id=study.stored_id,
        version=1,
        space=study.definition.space,
        defaults={},
        created_at=study.created_at,
        actor=None,
    )
