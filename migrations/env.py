"""Alembic's entry: migrates over the connection that `headway migrate` hands in."""

from alembic import context
from sqlalchemy import Connection

connection: Connection | None = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Run `headway migrate`: it finds the database and takes the lock.")

context.configure(connection=connection, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
