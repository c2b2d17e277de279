"""Metrics that an attempt has reported ahead of its result."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("metrics", sa.Text(), server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("attempts", "metrics")
