"""The tables, and which class each row of the smaller ones is (of the larger ones: see `identity_map`).

Promises live here, as constraints: numbers unique per study, the budget never exceeded, leased ⇔ one
live attempt, one accepted result per attempt, every event numbered once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import registry

from headway.wire.amendments import TrialChange
from headway.wire.base import Params
from headway.wire.campaign_audit import AuditRequest, SearchCounts
from headway.wire.space import Space
from headway.wire.study import StudyDefinition, TrialCounts
from headway.wire.trial import MeasuredValue, Receipt
from headway_server.domain.audit import CampaignAudit, Companion, FrozenPoint, NullSlot
from headway_server.domain.keys import Key, Project
from headway_server.storage.column_types import JsonOf, UtcDateTime

mapper = registry()
metadata = mapper.metadata

BigKey = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER keys


@dataclass(eq=False)
class Event:
    """Something that happened to a study, in order. Never changed."""

    study_id: int
    seq: int
    type: str
    trial: int | None
    data: dict[str, object]
    at: datetime
    actor: str | None
    """Who made it happen, as in `domain.access.Actor.name`; None: from before the server kept account."""
    request_id: str | None


@dataclass(eq=False)
class ModelState:
    """A fit of a study's model; the newest version is in force."""

    study_id: int
    version: int
    fitted: str
    """The fit as JSON, in the engine's own words."""
    n_observed: int
    fit_s: float
    fitted_at: datetime
    data_revision: int = 0
    """Of the data that it was fitted to. A fit to an older revision than the study's is void."""


@dataclass(eq=False)
class SpaceRow:
    """One version of a study's search space. Never changed."""

    study_id: int
    version: int
    space: Space
    defaults: Params
    """The values that results of earlier versions have where they lack a parameter."""
    created_at: datetime
    actor: str | None


@dataclass(eq=False)
class KeptResponse:
    """What was answered under an idempotency key."""

    scope: str
    key: str
    body_hash: str
    trial_numbers: list[int]
    """The trials that the request took, whether or not it was answered yet."""
    response: str | None
    """The answer as JSON; None while it is being worked out."""
    created_at: datetime
    expires_at: datetime


@dataclass(eq=False)
class WebSession:
    """A browser that a key has let in."""

    token_hash: str
    """SHA-256 of the cookie, which nobody else has."""
    key_id: str
    created_at: datetime
    expires_at: datetime


@dataclass(eq=False)
class Change:
    """A change outside any study: to a project, or to its keys. Never changed itself."""

    at: datetime
    project_id: int | None
    """No foreign key: what was done outlives the project."""
    type: str
    data: dict[str, object]
    actor: str
    request_id: str | None
    id: int | None = None


projects = Table(
    "projects",
    metadata,
    Column("id", BigKey, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("notes", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,  # SQLite would give a deleted project's id, and what goes by it, to the next
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("number", BigKey, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("secret_hash", String(64), nullable=False),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE")),
    Column("study", String(64)),
    Column("role", String(16), nullable=False),
    Column("name", String(128), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    CheckConstraint("role IN ('viewer', 'worker', 'editor', 'admin')", name="key_role"),
    CheckConstraint("project_id IS NOT NULL OR (role = 'admin' AND study IS NULL)", name="key_reach"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("key_id", ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigKey, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("project_id", BigInteger),
    Column("type", String(32), nullable=False),
    Column("data", JsonOf(dict[str, object]), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("request_id", String(128)),
    Index("audit_by_time", "at"),
)

studies = Table(
    "studies",
    metadata,
    Column("id", BigKey, primary_key=True),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("definition", JsonOf(StudyDefinition), nullable=False),
    Column("definition_hash", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("budget", Integer),
    Column("space_version", Integer, nullable=False),
    Column("trials_created", Integer, nullable=False),
    Column("trials_imported", Integer, nullable=False, server_default="0"),
    Column("data_revision", Integer, nullable=False, server_default="0"),
    Column("last_seq", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("audit_of", String(64)),
    Column("trial_counts", JsonOf(TrialCounts), nullable=False, server_default="{}"),
    UniqueConstraint("project_id", "name", name="study_name_once"),
    CheckConstraint("budget IS NULL OR trials_created <= budget", name="budget_never_exceeded"),
    CheckConstraint("state IN ('running', 'paused', 'completed', 'archived')", name="study_state"),
    sqlite_autoincrement=True,  # likewise
)
Index(
    "tombstones",
    studies.c.deleted_at,
    sqlite_where=studies.c.deleted_at.is_not(None),
    postgresql_where=studies.c.deleted_at.is_not(None),
)

trials = Table(
    "trials",
    metadata,
    Column("id", BigKey, primary_key=True),
    Column("study_id", ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("space_version", Integer, nullable=False),
    Column("live_attempt", Integer),
    Column("reserved_until", UtcDateTime),
    Column("params", JsonOf(Params)),
    Column("origin", JsonOf(Receipt)),
    Column("client_id", String(128)),
    Column("note", Text, nullable=False, server_default=""),
    Column("tags", JsonOf(tuple[str, ...]), nullable=False, server_default="[]"),
    Column("excluded", Boolean, nullable=False, server_default=false()),
    Column("history", JsonOf(tuple[TrialChange, ...]), nullable=False, server_default="[]"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("study_id", "number", name="trial_number_once"),
    CheckConstraint("(state = 'leased') = (live_attempt IS NOT NULL)", name="leased_has_live_attempt"),
    CheckConstraint("(state = 'reserved') = (reserved_until IS NOT NULL)", name="reserved_has_deadline"),
    CheckConstraint("params IS NOT NULL OR state IN ('reserved', 'queued')", name="point_known_once_leased"),
    Index("trials_by_state", "study_id", "state", "number"),
)
Index(
    "imported_once",
    trials.c.study_id,
    trials.c.client_id,
    unique=True,
    sqlite_where=trials.c.client_id.is_not(None),
    postgresql_where=trials.c.client_id.is_not(None),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigKey, primary_key=True),
    Column("trial_id", ForeignKey("trials.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("token", String(64), nullable=False, unique=True),
    Column("worker", String(128)),
    Column("lease_s", Float, nullable=False),
    Column("leased_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("lapses_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("ended_by", String(16)),
    Column("stop_reason", Text),
    Column("metrics", JsonOf(dict[str, MeasuredValue]), nullable=False, server_default="{}"),
    UniqueConstraint("trial_id", "number", name="attempt_number_once"),
    CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_something"),
)
Index(
    "one_live_attempt",
    attempts.c.trial_id,
    unique=True,
    sqlite_where=attempts.c.ended_at.is_(None),
    postgresql_where=attempts.c.ended_at.is_(None),
)
Index(
    "live_attempts_by_lapse",
    attempts.c.lapses_at,
    sqlite_where=attempts.c.ended_at.is_(None),
    postgresql_where=attempts.c.ended_at.is_(None),
)

observations = Table(
    "observations",
    metadata,
    Column("id", BigKey, primary_key=True),
    Column("study_id", ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("trial_id", ForeignKey("trials.id", ondelete="CASCADE"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("metrics", JsonOf(dict[str, MeasuredValue]), nullable=False),
    Column("value", Float(53)),
    Column("std_error", Float(53)),
    Column("params", JsonOf(Params), nullable=False),
    Column("params_as_run", JsonOf(Params)),
    Column("reason", String(64)),
    Column("message", Text),
    Column("late", Boolean, nullable=False),
    Column("superseded", Boolean, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("outside", JsonOf(tuple[str, ...]), nullable=False, server_default="[]"),
    UniqueConstraint("trial_id", "attempt", name="one_result_per_attempt"),
    UniqueConstraint("study_id", "seq", name="observation_seq_once"),
    Index("observations_by_value", "study_id", "value"),
)

measurements = Table(
    "measurements",
    metadata,
    Column("trial_id", ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("study_id", ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("metrics", JsonOf(dict[str, float]), nullable=False),
    Column("value", Float(53)),
    Column("t", Float(53)),
    Column("received_at", UtcDateTime, nullable=False),
    Index("measurements_by_step", "study_id", "step", "trial_id", "value"),
)

events = Table(
    "events",
    metadata,
    Column("study_id", ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("type", String(32), nullable=False),
    Column("trial", Integer),
    Column("data", JsonOf(dict[str, object]), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(64)),
    Column("request_id", String(128)),
    Index("events_by_time", "at"),
)

gp_states = Table(
    "gp_states",
    metadata,
    Column("study_id", ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("fitted", Text, nullable=False),
    Column("data_revision", Integer, nullable=False, server_default="0"),
    Column("n_observed", Integer, nullable=False),
    Column("fit_s", Float, nullable=False),
    Column("fitted_at", UtcDateTime, nullable=False),
)

spaces = Table(
    "spaces",
    metadata,
    Column("study_id", ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("space", JsonOf(Space), nullable=False),
    Column("defaults", JsonOf(Params), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("actor", String(64)),
)

audits = Table(
    "audits",
    metadata,
    Column("id", BigKey, primary_key=True),
    Column("study_id", ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("request", JsonOf(AuditRequest), nullable=False),
    Column("definition", JsonOf(StudyDefinition), nullable=False),
    Column("search", JsonOf(SearchCounts), nullable=False),
    Column("budget", Integer, nullable=False),
    Column("points", JsonOf(tuple[FrozenPoint, ...]), nullable=False),
    Column("replicates", JsonOf(Companion)),
    Column("searches", JsonOf(tuple[NullSlot, ...]), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
    UniqueConstraint("study_id", "number", name="audit_number_once"),
    UniqueConstraint("study_id", "digest", name="audit_once"),
)
Index(
    "open_audits",
    audits.c.study_id,
    sqlite_where=audits.c.completed_at.is_(None),
    postgresql_where=audits.c.completed_at.is_(None),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", String(256), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("trial_numbers", JsonOf(list[int]), nullable=False),
    Column("response", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("idempotency_keys_by_expiry", "expires_at"),
)

mapper.map_imperatively(Project, projects)
mapper.map_imperatively(Key, api_keys)
mapper.map_imperatively(WebSession, sessions)
mapper.map_imperatively(Change, audit)
mapper.map_imperatively(ModelState, gp_states)
mapper.map_imperatively(SpaceRow, spaces)
mapper.map_imperatively(CampaignAudit, audits)
