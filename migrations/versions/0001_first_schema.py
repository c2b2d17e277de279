"""The first schema: studies, trials, attempts, observations, events, fitted models, idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
LIVE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.String(length=256), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("trial_numbers", sa.Text(), nullable=False),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key"),
    )
    op.create_index("idempotency_keys_by_expiry", "idempotency_keys", ["expires_at"], unique=False)
    op.create_table(
        "studies",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("definition_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("budget", sa.Integer(), nullable=True),
        sa.Column("space_version", sa.Integer(), nullable=False),
        sa.Column("trials_created", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint("state IN ('running', 'paused', 'completed', 'archived')", name="study_state"),
        sa.CheckConstraint("budget IS NULL OR trials_created <= budget", name="budget_never_exceeded"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "events",
        sa.Column("study_id", KEY, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("study_id", "seq"),
    )
    op.create_table(
        "gp_states",
        sa.Column("study_id", KEY, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fitted", sa.Text(), nullable=False),
        sa.Column("n_observed", sa.Integer(), nullable=False),
        sa.Column("fit_s", sa.Float(), nullable=False),
        sa.Column("fitted_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("study_id", "version"),
    )
    op.create_table(
        "trials",
        sa.Column("id", KEY, nullable=False),
        sa.Column("study_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("space_version", sa.Integer(), nullable=False),
        sa.Column("live_attempt", sa.Integer(), nullable=True),
        sa.Column("reserved_until", MOMENT, nullable=True),
        sa.Column("params", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint("(state = 'leased') = (live_attempt IS NOT NULL)", name="leased_has_live_attempt"),
        sa.CheckConstraint(
            "(state = 'reserved') = (reserved_until IS NOT NULL)", name="reserved_has_deadline"
        ),
        sa.CheckConstraint(
            "params IS NOT NULL OR state IN ('reserved', 'queued')", name="point_known_once_leased"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_id", "number", name="trial_number_once"),
    )
    op.create_index("trials_by_state", "trials", ["study_id", "state", "number"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("trial_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=True),
        sa.Column("lease_s", sa.Float(), nullable=False),
        sa.Column("leased_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("lapses_at", MOMENT, nullable=False),
        sa.Column("heartbeat_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(length=16), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_something"),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token"),
        sa.UniqueConstraint("trial_id", "number", name="attempt_number_once"),
    )
    op.create_index(
        "live_attempts_by_lapse",
        "attempts",
        ["lapses_at"],
        unique=False,
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )
    op.create_index(
        "one_live_attempt", "attempts", ["trial_id"], unique=True, sqlite_where=LIVE, postgresql_where=LIVE
    )
    op.create_table(
        "observations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("study_id", KEY, nullable=False),
        sa.Column("trial_id", KEY, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("std_error", sa.Float(precision=53), nullable=True),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("params_as_run", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_id", "seq", name="observation_seq_once"),
        sa.UniqueConstraint("trial_id", "attempt", name="one_result_per_attempt"),
    )
    op.create_index("observations_by_value", "observations", ["study_id", "value"], unique=False)


def downgrade() -> None:

    op.drop_index("observations_by_value", table_name="observations")
    op.drop_table("observations")
    op.drop_index("one_live_attempt", table_name="attempts", sqlite_where=LIVE, postgresql_where=LIVE)
    op.drop_index("live_attempts_by_lapse", table_name="attempts", sqlite_where=LIVE, postgresql_where=LIVE)
    op.drop_table("attempts")
    op.drop_index("trials_by_state", table_name="trials")
    op.drop_table("trials")
    op.drop_table("gp_states")
    op.drop_table("events")
    op.drop_table("studies")
    op.drop_index("idempotency_keys_by_expiry", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
