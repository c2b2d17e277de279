"""Projects, keys, sessions of the pages, and who changed what.

The studies that are there already belong to the project `default`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
NEVER_AGAIN = {"sqlite_autoincrement": True}
"""SQLite: an id is given once, as PostgreSQL's sequences do."""
NAMING = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
"""Names the UNIQUE(name) of the first schema, which SQLite keeps without one."""


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "projects",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        **NEVER_AGAIN,
    )
    # The first row of an empty table: its id is 1, as domain/access.py says.
    default = "INSERT INTO projects (name, notes, created_at) VALUES ('default', '', "
    now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')" if sqlite else "date_trunc('milliseconds', now())"
    op.execute(f"{default}{now})")
    op.create_table(
        "api_keys",
        sa.Column("number", KEY, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("project_id", KEY, nullable=True),
        sa.Column("study", sa.String(length=64), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'worker', 'editor', 'admin')", name="key_role"),
        sa.CheckConstraint("project_id IS NOT NULL OR (role = 'admin' AND study IS NULL)", name="key_reach"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_table(
        "audit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_by_time", "audit", ["at"])
    op.add_column("events", sa.Column("actor", sa.String(length=64), nullable=True))
    op.add_column("events", sa.Column("request_id", sa.String(length=128), nullable=True))
    op.create_index("events_by_time", "events", ["at"])
    with op.batch_alter_table("studies", naming_convention=NAMING, table_kwargs=NEVER_AGAIN) as studies:
        studies.add_column(sa.Column("project_id", KEY, nullable=False, server_default="1"))
        studies.create_foreign_key("fk_studies_project", "projects", ["project_id"], ["id"])
        studies.drop_constraint("uq_studies_name" if sqlite else "studies_name_key", type_="unique")
        studies.create_unique_constraint("study_name_once", ["project_id", "name"])
    with op.batch_alter_table("studies", table_kwargs=NEVER_AGAIN) as studies:
        studies.alter_column("project_id", server_default=None)
    # Kept answers now belong to whoever asked; nobody had a key, so all were asked for in the open.
    op.execute("UPDATE idempotency_keys SET scope = '1 open ' || scope")


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute("DELETE FROM idempotency_keys WHERE scope NOT LIKE '1 open %'")
    op.execute("UPDATE idempotency_keys SET scope = substr(scope, 8)")
    # Names become unique in the whole database: a study of another project keeps its rows under its number.
    op.execute(
        "UPDATE studies SET name = substr(name, 1, 40) || '.' || id WHERE project_id <> 1 AND EXISTS "
        "(SELECT 1 FROM studies AS other WHERE other.name = studies.name AND other.id <> studies.id)"
    )
    with op.batch_alter_table("studies") as studies:
        studies.drop_constraint("study_name_once", type_="unique")
        studies.drop_constraint("fk_studies_project", type_="foreignkey")
        studies.drop_column("project_id")
        studies.create_unique_constraint("uq_studies_name" if sqlite else "studies_name_key", ["name"])
    op.drop_index("events_by_time", table_name="events")
    with op.batch_alter_table("events") as events:
        events.drop_column("request_id")
        events.drop_column("actor")
    op.drop_index("audit_by_time", table_name="audit")
    op.drop_table("audit")
    op.drop_table("sessions")
    op.drop_table("api_keys")
    op.drop_table("projects")
