"""Imported results: trials that cost no budget, under the caller's own names."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAMED = sa.text("client_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("studies", sa.Column("trials_imported", sa.Integer(), server_default="0", nullable=False))
    op.add_column("trials", sa.Column("client_id", sa.String(length=128), nullable=True))
    op.create_index(
        "imported_once",
        "trials",
        ["study_id", "client_id"],
        unique=True,
        sqlite_where=NAMED,
        postgresql_where=NAMED,
    )


def downgrade() -> None:
    op.drop_index("imported_once", table_name="trials", sqlite_where=NAMED, postgresql_where=NAMED)
    op.drop_column("trials", "client_id")
    op.drop_column("studies", "trials_imported")
