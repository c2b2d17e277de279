"""The schema's version: which one the database has, which one this server knows, and how to get there.

The migrations lie in the repository's `migrations/`; a wheel packs a copy. The repository's is looked
for first, so that an editable install never runs a stale copy.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from headway_server.domain.errors import SchemaMismatch
from headway_server.storage.database import Database

ADVISORY_LOCK = 0x6865616477617900
"""PostgreSQL's lock that two migrations at once queue for ("headway" in ASCII)."""


def migrations_directory() -> Path:
    """Where the migrations lie.

    Raises:
        SchemaMismatch: nowhere; the installation is broken.
    """
    repository = Path(__file__).resolve().parents[3] / "migrations"
    if (repository / "env.py").is_file():
        return repository
    packed = importlib.util.find_spec("headway_migrations")
    if packed is None or not packed.submodule_search_locations:
        raise SchemaMismatch("The migrations are missing from this installation. Install headway again.")
    return Path(next(iter(packed.submodule_search_locations)))


def known_revision() -> str:
    """The newest revision that this server knows."""
    head = ScriptDirectory(str(migrations_directory())).get_current_head()
    if head is None:
        raise AssertionError("there is no migration")
    return head


def known_revisions() -> set[str]:
    """Every revision that this server knows: the newest, and all before it."""
    return {script.revision for script in ScriptDirectory(str(migrations_directory())).walk_revisions()}


def present_revision(database: Database) -> str | None:
    """The revision that the database is at; None where nothing was ever migrated."""
    with database.connection() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the database up to a revision; several that try at once queue for one lock."""
    if database.sqlite_path is not None:
        database.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    with schema_transaction(database) as schema:
        schema.upgrade(revision)


def migrate_down(database: Database, revision: str) -> None:
    """Bring the database down to an older revision, for a server that knows no newer one."""
    with schema_transaction(database) as schema:
        schema.downgrade(revision)


@dataclass(frozen=True)
class SchemaChange:
    """A transaction in which the schema goes up and down."""

    connection: Connection
    _config: Config

    def upgrade(self, revision: str) -> None:
        """Up to a revision."""
        command.upgrade(self._config, revision)

    def downgrade(self, revision: str) -> None:
        """Down to a revision."""
        command.downgrade(self._config, revision)


@contextmanager
def schema_transaction(database: Database) -> Iterator[SchemaChange]:
    """One transaction for all that is done to the schema; several at once queue for one lock."""
    config = Config()
    config.set_main_option("script_location", str(migrations_directory()))
    with database.migration_connection() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        config.attributes["connection"] = connection
        yield SchemaChange(connection, config)


def require_known_schema(database: Database) -> None:
    """Refuse a database whose schema is not the one that this server knows.

    A SQLite file that does not exist yet, or is empty, is made ready instead: on a laptop one command
    is enough, and there is nothing in it to lose.

    Raises:
        SchemaMismatch: saying what the database has, what is needed, and what to run.
    """
    if _is_empty_sqlite(database):
        migrate(database)
        return
    present, known = present_revision(database), known_revision()
    if present == known:
        return
    if present is None or present in known_revisions():
        raise SchemaMismatch(
            f"The database is at schema {present or 'none'}, this server needs {known}. "
            "Run `headway migrate` with the same HEADWAY_DATABASE_URL, then start the server again."
        )
    raise SchemaMismatch(
        f"The database is at schema {present}, which this server does not know: a newer headway made it. "
        f"Install that version; this one needs {known}."
    )


def _is_empty_sqlite(database: Database) -> bool:
    if database.sqlite_path is None:
        return False
    if not database.sqlite_path.exists():
        return True
    with database.connection() as connection:
        return not inspect(connection).get_table_names()
