"""The queries, named. Built once, with parameters: building one costs about as much as running it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Float,
    Integer,
    String,
    Text,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    type_coerce,
)

from headway_server.storage.clock import Now
from headway_server.storage.column_types import UtcDateTime
from headway_server.storage.tables import (
    ModelState,
    SpaceRow,
    attempts,
    events,
    gp_states,
    idempotency_keys,
    observations,
    projects,
    spaces,
    studies,
    trials,
)
from headway_server.storage.trial_loading import WITH_PARTS

_study = bindparam("study", type_=BigInteger)
_now = bindparam("now", type_=UtcDateTime)
_limit = bindparam("limit", type_=Integer)

_lapsed_lease = attempts.c.ended_at.is_(None) & (attempts.c.lapses_at < _now)
_lapsed_reservation = (trials.c.state == "reserved") & (trials.c.reserved_until < _now)
_completed = (observations.c.study_id == _study) & (observations.c.outcome == "completed")
_counting = _completed & observations.c.superseded.is_(False)
"""The observations that stand for their trials: completed, and first."""

_project = bindparam("project", type_=BigInteger)

PROJECT_HELD = select(projects.c.id).where(projects.c.id == _project).with_for_update(read=True)
STUDY_BY_NAME = select(studies).where(studies.c.project_id == _project, studies.c.name == bindparam("name"))
STUDY_BY_NAME_LOCKED = STUDY_BY_NAME.add_columns(Now()).with_for_update()
"""With the database's time: a command asks both at once."""
_there = studies.c.deleted_at.is_(None)
STUDY_BY_ID = select(studies).where(studies.c.id == _study, _there)
STUDY_HEAD = select(
    studies.c.id,
    studies.c.data_revision,
    func.coalesce(
        select(func.max(gp_states.c.version)).where(gp_states.c.study_id == studies.c.id).scalar_subquery(), 0
    ),
).where(studies.c.project_id == _project, studies.c.name == bindparam("name"), _there)
_by_id_locked = select(studies).where(studies.c.id == _study).with_for_update()
STUDY_BY_ID_LOCKED = _by_id_locked.where(_there)
STUDY_BY_ID_IF_FREE = select(studies).where(studies.c.id == _study, _there).with_for_update(skip_locked=True)
TOMBSTONE_LOCKED = _by_id_locked.where(studies.c.deleted_at.is_not(None))
DELETED_BEFORE = select(studies.c.id).where(studies.c.deleted_at < bindparam("before", type_=UtcDateTime))
DELETED = "study.deleted"
"""The event that is kept until the very end: it says who did it."""
EMPTY_OF_TRIALS = delete(trials).where(
    trials.c.id.in_(select(trials.c.id).where(trials.c.study_id == _study).limit(_limit))
)
EMPTY_OF_EVENTS = delete(events).where(
    events.c.study_id == _study,
    events.c.seq.in_(
        select(events.c.seq).where(events.c.study_id == _study, events.c.type != DELETED).limit(_limit)
    ),
)
STUDIES_AFTER = (
    select(studies)
    .where(studies.c.project_id == _project, studies.c.name > bindparam("after", type_=String), _there)
    .order_by(studies.c.name)
    .limit(_limit)
)
OWN_STUDIES_AFTER = STUDIES_AFTER.where(studies.c.audit_of.is_(None))
COMPANIONS_LOCKED = (
    select(studies)
    .where(studies.c.project_id == _project, studies.c.audit_of == bindparam("name", type_=String), _there)
    .order_by(studies.c.name)
    .with_for_update()
)
NAMES_TAKEN = select(studies.c.name).where(
    studies.c.project_id == _project, studies.c.name.in_(bindparam("names", expanding=True))
)
STUDIES_WITH_LAPSED_TRIALS = select(studies.c.id).where(
    _there,
    studies.c.id.in_(
        select(trials.c.study_id)
        .join(attempts)
        .where(_lapsed_lease)
        .union(select(trials.c.study_id).where(_lapsed_reservation))
    ),
)

_trials = select(trials).where(trials.c.study_id == _study).order_by(trials.c.number)
TRIAL = WITH_PARTS.where(trials.c.study_id == _study, trials.c.number == bindparam("number"))
TRIALS_RESERVED = _trials.where(
    trials.c.number.in_(bindparam("numbers", expanding=True)), trials.c.state == "reserved"
)
IMPORTED = (
    select(trials.c.client_id, trials.c.number, observations.c.body_hash)
    .outerjoin(observations, (observations.c.trial_id == trials.c.id) & (observations.c.attempt == 0))
    .where(trials.c.study_id == _study, trials.c.client_id.in_(bindparam("client_ids", expanding=True)))
)
TRIALS_QUEUED = _trials.where(trials.c.state == "queued")
TRIALS_QUEUED_AFTER = _trials.where(
    trials.c.state == "queued", trials.c.number > bindparam("after", type_=Integer)
).limit(_limit)
TRIALS_LAPSED = _trials.where(
    or_(trials.c.id.in_(select(attempts.c.trial_id).where(_lapsed_lease)), _lapsed_reservation)
)
WAITING = select(
    exists().where(trials.c.study_id == _study, attempts.c.trial_id == trials.c.id, _lapsed_lease)
    | exists().where(trials.c.study_id == _study, _lapsed_reservation),
    exists().where(trials.c.study_id == _study, trials.c.state == "queued"),
)
"""Whether anything has lapsed, and whether anything is queued: mostly neither, and a suggestion asks both at
once."""
TRIALS_HELD_BY = _trials.where(
    trials.c.id.in_(
        select(attempts.c.trial_id).where(
            attempts.c.ended_at.is_(None), attempts.c.worker == bindparam("worker", type_=String)
        )
    )
)
TRIALS_IN_FLIGHT = (
    select(
        trials.c.number,
        type_coerce(trials.c.params, Text),
        type_coerce(trials.c.origin, Text),
        trials.c.space_version,
    )
    .where(trials.c.study_id == _study, trials.c.state.in_(("leased", "queued", "reserved")))
    .order_by(trials.c.number)
)

NEXT_LAPSE = (
    select(attempts.c.lapses_at)
    .join(trials)
    .where(trials.c.study_id == _study, attempts.c.ended_at.is_(None))
    .order_by(attempts.c.lapses_at)
    .limit(1)
)
LIVE_ATTEMPTS = (
    select(trials.c.number, attempts)
    .join(attempts, attempts.c.trial_id == trials.c.id)
    .where(trials.c.study_id == _study, attempts.c.ended_at.is_(None))
    .order_by(attempts.c.leased_at)
)

_measured = (
    select(
        trials.c.number,
        observations.c.params,
        observations.c.value,
        observations.c.std_error,
        observations.c.metrics,
        trials.c.space_version,
    )
    .join(observations, observations.c.trial_id == trials.c.id)
    .where(_counting, trials.c.excluded.is_(False))
)
LOWEST_FIRST = _measured.order_by(observations.c.value, observations.c.seq)
HIGHEST_FIRST = _measured.order_by(observations.c.value.desc(), observations.c.seq)
LOWEST, HIGHEST = LOWEST_FIRST.limit(1), HIGHEST_FIRST.limit(1)
_value = bindparam("value", type_=Float)
_standing = _counting & (trials.c.id == observations.c.trial_id) & trials.c.excluded.is_(False)
ANY_AS_LOW = select(exists().where(_standing, observations.c.value <= _value))
ANY_AS_HIGH = select(exists().where(_standing, observations.c.value >= _value))
"""Whether a value beats the best takes no best, for which PostgreSQL sorts all values while its statistics
of the table are behind.
"""
MEASURED_ARRIVALS = _measured.add_columns(observations.c.received_at).order_by(observations.c.seq)
ARRIVALS = (
    select(trials.c.number, observations.c.value, observations.c.received_at)
    .join(observations, observations.c.trial_id == trials.c.id)
    .where(_counting, trials.c.excluded.is_(False))
    .order_by(observations.c.seq)
)
_taught = (
    (observations.c.study_id == _study)
    & (observations.c.seq > bindparam("after", type_=BigInteger))
    & observations.c.outcome.in_(bindparam("outcomes", expanding=True))
    & or_(observations.c.outcome != "failed", observations.c.late.is_(False))
)
"""What the engine learns from. A late failure settles nothing: another attempt may be at the point."""
DATA_AFTER = (
    select(
        observations.c.seq,
        observations.c.params,
        observations.c.outcome,
        observations.c.value,
        observations.c.std_error,
        observations.c.metrics,
        trials.c.number,
        trials.c.space_version,
    )
    .join(trials, trials.c.id == observations.c.trial_id)
    .where(_taught, trials.c.excluded.is_(False))
    .order_by(observations.c.seq)
)
_excluded = select(trials.c.excluded).where(trials.c.id == observations.c.trial_id).scalar_subquery()
COUNT_AFTER = select(func.count()).select_from(observations).where(_taught, _excluded.is_(False))
"""Each of the few looks for its trial: a join PostgreSQL might do by reading all trials of the study."""
EVENTS_AFTER = (
    select(events)
    .where(events.c.study_id == _study, events.c.seq > bindparam("after", type_=BigInteger))
    .order_by(events.c.seq)
    .limit(_limit)
)
SPACES = select(SpaceRow).where(spaces.c.study_id == _study).order_by(spaces.c.version)
LATEST_MODEL = (
    select(ModelState).where(gp_states.c.study_id == _study).order_by(gp_states.c.version.desc()).limit(1)
)
KEPT_RESPONSE = select(idempotency_keys).where(
    idempotency_keys.c.scope == bindparam("scope"), idempotency_keys.c.key == bindparam("key")
)
CLAIM_KEY = select(func.pg_try_advisory_xact_lock(func.hashtextextended(bindparam("key", type_=String), 0)))
MODEL_VERSION = select(ModelState).where(
    gp_states.c.study_id == _study, gp_states.c.version == bindparam("version", type_=Integer)
)
ANY_EXPIRED_KEY = select(exists().where(idempotency_keys.c.expires_at < _now))
FORGET_EXPIRED_KEYS = delete(idempotency_keys).where(idempotency_keys.c.expires_at < _now)
