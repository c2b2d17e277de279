"""What every command works with: one transaction, and the repositories of what is stored."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from headway_server.domain.access import Actor
from headway_server.storage.access import KeyRepository, ProjectRepository
from headway_server.storage.audit import AuditRepository
from headway_server.storage.campaign_audits import CampaignAuditRepository
from headway_server.storage.clock import Clock
from headway_server.storage.events import EventRepository
from headway_server.storage.identity_map import IdentityMap
from headway_server.storage.kept_responses import KeptResponseRepository
from headway_server.storage.measurements import MeasurementRepository
from headway_server.storage.models import ModelRepository
from headway_server.storage.spaces import SpaceRepository
from headway_server.storage.studies import StudyRepository
from headway_server.storage.trial_table import TrialTable
from headway_server.storage.trials import TrialRepository
from headway_server.storage.workers import WorkerRepository


class UnitOfWork:
    """One transaction: who asked for it, and the repositories."""

    def __init__(self, connection: Connection, clock: Clock, actor: Actor) -> None:
        self._connection = connection
        self._objects = objects = IdentityMap(connection)
        self._clock = clock
        self.actor = actor
        self.to_last = True
        """Whether the commit waits until it outlasts a power cut."""
        self.studies = StudyRepository(connection, objects, clock, actor)
        self.trials = TrialRepository(connection, objects)
        self.table = TrialTable(connection, objects)
        self.events = EventRepository(connection, objects, actor)
        self.kept_responses = KeptResponseRepository(connection, objects, actor)

    @cached_property
    def session(self) -> Session:
        """For the tables that most transactions have nothing to do with, as are the repositories below."""
        return Session(self._connection, expire_on_commit=False)

    @cached_property
    def measurements(self) -> MeasurementRepository:
        """Intermediate values."""
        return MeasurementRepository(self.session)

    @cached_property
    def workers(self) -> WorkerRepository:
        """Who takes trials."""
        return WorkerRepository(self.session, self.actor)

    @cached_property
    def models(self) -> ModelRepository:
        """Fitted hyperparameters."""
        return ModelRepository(self.session)

    @cached_property
    def spaces(self) -> SpaceRepository:
        """Versions of the studies' search spaces."""
        return SpaceRepository(self.session, self.actor)

    @cached_property
    def projects(self) -> ProjectRepository:
        """What keys and studies belong to."""
        return ProjectRepository(self.session, self.actor)

    @cached_property
    def keys(self) -> KeyRepository:
        """API keys."""
        return KeyRepository(self.session)

    @cached_property
    def audit(self) -> AuditRepository:
        """Who changed what."""
        return AuditRepository(self.session, self.actor)

    @cached_property
    def campaign_audits(self) -> CampaignAuditRepository:
        """Audits of studies' results."""
        return CampaignAuditRepository(self.session)

    @property
    def now(self) -> datetime:
        """The database's time, the same throughout."""
        return self._clock.now

    def may_be_lost(self) -> None:
        """Say that nobody will be told of this transaction but through a later one, so that a power cut may
        undo it. Its commit does not wait for the disk; the later one's brings it there too.
        """
        self.to_last = False

    def flush(self) -> None:
        """Write what has been done so far, so that queries see it. Nothing is committed."""
        self._objects.flush()
        if "session" in vars(self):  # somebody has asked for it
            self.session.flush()

    def forget(self) -> None:
        """Let go of what has been read, so that reading much takes little memory."""
        self._objects.forget()
