"""Fitted models that are stored."""

from __future__ import annotations

from sqlalchemy.orm import Session

from headway_server.domain.study import Study
from headway_server.storage import queries
from headway_server.storage.tables import ModelState


class ModelRepository:
    """Fitted models."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, state: ModelState) -> None:
        """Store a new version."""
        self._session.add(state)

    def latest(self, study: Study) -> ModelState | None:
        """The version in force, or None before the first fit."""
        return self._session.scalars(queries.LATEST_MODEL, {"study": study.id}).one_or_none()

    def version(self, study: Study, version: int) -> ModelState | None:
        """This version, or None where there is none."""
        return self._session.scalars(
            queries.MODEL_VERSION, {"study": study.id, "version": version}
        ).one_or_none()
