"""Versions of search spaces, and results at points outside them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("observations", sa.Column("outside", sa.Text(), server_default="[]", nullable=False))
    op.create_table(
        "spaces",
        sa.Column("study_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("defaults", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("study_id", "version"),
    )


def downgrade() -> None:
    # Without the table there is one version: the present space, which is in the study's definition.
    op.execute("UPDATE trials SET space_version = 1 WHERE space_version > 1")
    op.execute("UPDATE studies SET space_version = 1 WHERE space_version > 1")
    op.drop_table("spaces")
    op.drop_column("observations", "outside")
