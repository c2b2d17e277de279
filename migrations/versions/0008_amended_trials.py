"""Trials that are corrected or excluded, with their history; versions of search spaces."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("studies", "gp_states"):
        op.add_column(table, sa.Column("data_revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column("trials", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.add_column("trials", sa.Column("tags", sa.Text(), server_default="[]", nullable=False))
    op.add_column("trials", sa.Column("excluded", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("trials", sa.Column("history", sa.Text(), server_default="[]", nullable=False))
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
    # Without revisions nothing would tell a fit to corrected data from one that is void.
    op.execute(
        "DELETE FROM gp_states WHERE data_revision <> "
        "(SELECT data_revision FROM studies WHERE studies.id = gp_states.study_id)"
    )
    for column in ("history", "excluded", "tags", "note"):
        op.drop_column("trials", column)
    for table in ("gp_states", "studies"):
        op.drop_column(table, "data_revision")
