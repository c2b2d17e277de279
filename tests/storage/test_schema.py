"""Migrations, and what the server does about a schema that is not its own."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from headway_server.domain.errors import SchemaMismatch
from headway_server.settings import sqlite_url
from headway_server.storage.database import Database
from headway_server.storage.schema import known_revision, migrate, present_revision, require_known_schema
from headway_server.storage.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_maps(database):
    with database.connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
    assert present_revision(database) == known_revision()


def test_migrating_again_changes_nothing(database):
    migrate(database)
    require_known_schema(database)


@pytest.fixture
def fresh(tmp_path):
    database = Database(sqlite_url(tmp_path / "deep" / "new.db"))
    yield database
    database.dispose()


def test_a_new_sqlite_file_is_made_ready(fresh):
    require_known_schema(fresh)
    assert present_revision(fresh) == known_revision()


def test_an_empty_sqlite_file_is_made_ready(fresh):
    fresh.sqlite_path.parent.mkdir()
    fresh.sqlite_path.touch()
    require_known_schema(fresh)
    assert present_revision(fresh) == known_revision()


def test_somebody_elses_sqlite_file_is_refused(fresh):
    fresh.sqlite_path.parent.mkdir()
    with fresh.connection() as connection:
        connection.execute(text("CREATE TABLE mine (x)"))
        connection.commit()
    with pytest.raises(SchemaMismatch, match="headway migrate"):
        require_known_schema(fresh)


def test_an_older_schema_is_refused_and_says_what_to_run(database):
    def forget(uow):
        uow.session.execute(text("DELETE FROM alembic_version"))

    database.write(forget)
    with pytest.raises(SchemaMismatch, match=r"schema none.*headway migrate"):
        require_known_schema(database)


def test_a_newer_schema_is_refused_and_says_so(database):
    def raise_revision(uow):
        uow.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    database.write(raise_revision)
    with pytest.raises(SchemaMismatch, match=r"9999.*newer headway"):
        require_known_schema(database)
