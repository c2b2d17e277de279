"""Deleted studies: a tombstone for thirty days."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DELETED = sa.text("deleted_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("studies", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("tombstones", "studies", ["deleted_at"], sqlite_where=DELETED, postgresql_where=DELETED)


def downgrade() -> None:
    # An older server knows no tombstones: to it the study is there, and hands nothing out.
    op.execute("UPDATE studies SET state = 'archived' WHERE deleted_at IS NOT NULL")
    op.drop_index("tombstones", table_name="studies", sqlite_where=DELETED, postgresql_where=DELETED)
    op.drop_column("studies", "deleted_at")
