"""Audits of campaigns, and the studies that are made for them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
RUNNING = sa.text("completed_at IS NULL")


def upgrade() -> None:
    op.add_column("studies", sa.Column("audit_of", sa.String(length=64), nullable=True))
    op.create_table(
        "audits",
        sa.Column("id", KEY, nullable=False),
        sa.Column("study_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("budget", sa.Integer(), nullable=False),
        sa.Column("points", sa.Text(), nullable=False),
        sa.Column("replicates", sa.Text(), nullable=True),
        sa.Column("searches", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_id", "number", name="audit_number_once"),
        sa.UniqueConstraint("study_id", "digest", name="audit_once"),
    )
    op.create_index("open_audits", "audits", ["study_id"], sqlite_where=RUNNING, postgresql_where=RUNNING)


def downgrade() -> None:
    # The companion studies stay, as studies like any other: what was measured in them is not lost.
    op.drop_index("open_audits", table_name="audits")
    op.drop_table("audits")
    op.drop_column("studies", "audit_of")
