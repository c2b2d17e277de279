"""Trials that are corrected or excluded, with their history; revisions of a study's data."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
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


def downgrade() -> None:
    # Without revisions nothing would tell a fit to corrected data from one that is void.
    op.execute(
        "DELETE FROM gp_states WHERE data_revision <> "
        "(SELECT data_revision FROM studies WHERE studies.id = gp_states.study_id)"
    )
    for column in ("history", "excluded", "tags", "note"):
        op.drop_column("trials", column)
    for table in ("gp_states", "studies"):
        op.drop_column(table, "data_revision")
