"""How many trials of a study are in each state, in its row."""

import json
from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COUNTS = sa.text("SELECT study_id, state, count(*) FROM trials GROUP BY study_id, state")
FILL = sa.text("UPDATE studies SET trial_counts = :counts WHERE id = :study")


def upgrade() -> None:
    op.add_column("studies", sa.Column("trial_counts", sa.Text(), nullable=False, server_default="{}"))
    connection = op.get_bind()
    counts: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for study, state, count in connection.execute(COUNTS):
        counts[study][state] = count
    for study, by_state in counts.items():
        connection.execute(FILL, {"study": study, "counts": json.dumps(by_state)})


def downgrade() -> None:
    op.drop_column("studies", "trial_counts")
