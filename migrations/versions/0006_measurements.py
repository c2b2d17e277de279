"""Intermediate values of trials, and the server's word that an attempt should stop."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("attempts", sa.Column("stop_reason", sa.Text(), nullable=True))
    op.create_table(
        "measurements",
        sa.Column("trial_id", KEY, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("study_id", KEY, nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(53), nullable=True),
        sa.Column("t", sa.Float(53), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trial_id", "attempt", "step"),
    )
    op.create_index("measurements_by_step", "measurements", ["study_id", "step", "trial_id", "value"])


def downgrade() -> None:
    op.drop_index("measurements_by_step", table_name="measurements")
    op.drop_table("measurements")
    op.drop_column("attempts", "stop_reason")
