"""Transactions: all or nothing, repeated where the database breaks them off, and in order."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from headway.wire.space import Float, Space
from headway.wire.study import StudyDefinition
from headway_server.domain.errors import DatabaseUnavailable, SchemaMismatch
from headway_server.domain.study import Study
from headway_server.services import studies
from headway_server.settings import sqlite_url
from headway_server.storage import database as database_module
from headway_server.storage.database import ATTEMPTS, Database
from headway_server.storage.schema import require_known_schema
from tests.postgres import PostgresServer


@pytest.fixture
def define_in():
    """Create the study `s` in a database."""

    def create(database):
        space = Space(parameters=(Float(0, 1, name="x"),))
        studies.create_or_get(database, StudyDefinition(name="s", space=space))

    return create


def test_the_time_is_the_databases_in_utc_and_whole_milliseconds(database):
    now = database.read(lambda uow: uow.now)
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)
    database.clock_offset = timedelta(days=1)
    assert database.read(lambda uow: uow.now) - now >= timedelta(days=1)


def test_a_command_that_fails_changes_nothing(database, define):
    define()

    def work(uow):
        uow.studies.lock("s").state = "archived"
        uow.flush()
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        database.write(work)
    assert database.read(lambda uow: uow.studies.get("s").state) == "running"


def test_the_schema_itself_refuses_to_exceed_the_budget(database, define):
    define(budget=2)

    def work(uow):
        uow.studies.lock("s").trials_created = 3

    with pytest.raises(IntegrityError, match="budget_never_exceeded"):
        database.write(work)


def test_two_studies_can_not_have_one_name(database, define):
    define()
    definition = database.read(lambda uow: uow.studies.get("s")).definition

    def again(uow):
        uow.studies.add(Study.define(StudyDefinition.model_validate(definition.model_dump()), uow.now))

    with pytest.raises(IntegrityError):
        database.write(again)


def test_writers_wait_for_each_other_and_lose_nothing(database, define):
    define(budget=None)

    def count():
        for _ in range(25):

            def work(uow):
                uow.studies.lock("s").next_number()

            database.write(work)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read(lambda uow: uow.studies.get("s").trials_created) == 200


def test_a_deadlock_is_tried_again(postgres_database):
    tries = []

    def work(uow):
        tries.append(uow)
        if len(tries) < ATTEMPTS:
            raise OperationalError("", {}, psycopg.errors.DeadlockDetected())
        return "done"

    assert postgres_database.write(work) == "done"
    assert len(tries) == ATTEMPTS


def test_a_deadlock_without_end_is_an_unavailable_database(postgres_database):
    def work(uow):
        raise OperationalError("", {}, psycopg.errors.SerializationFailure())

    with pytest.raises(DatabaseUnavailable):
        postgres_database.write(work)


def _hang_up(database):
    """End every connection to the database, as a restart of PostgreSQL does."""
    with psycopg.connect(database.url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_connection_that_died_in_the_pool_is_replaced(postgres_database, define_in):
    define_in(postgres_database)
    _hang_up(postgres_database)
    assert postgres_database.write(lambda uow: uow.studies.lock("s").name) == "s"
    _hang_up(postgres_database)
    assert postgres_database.read(lambda uow: uow.studies.get("s").name) == "s"


def test_a_connection_that_dies_before_the_commit_repeats_the_command(postgres_database, define_in):
    define_in(postgres_database)
    tries = []

    def work(uow):
        study = uow.studies.lock("s")
        study.trials_created += 1
        tries.append(study.trials_created)
        if len(tries) == 1:
            _hang_up(postgres_database)

    postgres_database.write(work)
    assert tries == [1, 1]
    assert postgres_database.read(lambda uow: uow.studies.get("s").trials_created) == 1


def test_a_connection_that_dies_at_the_commit_repeats_nothing(postgres_database, define_in):
    """Whether the commit took place, nobody here can know."""
    define_in(postgres_database)
    tries = []

    def work(uow):
        tries.append(uow.studies.lock("s"))
        _hang_up(postgres_database)

    with pytest.raises(DatabaseUnavailable):
        postgres_database.write(work)
    assert len(tries) == 1


def test_a_lock_that_does_not_come_is_an_unavailable_database(
    postgres_database, define_in, request, monkeypatch
):
    monkeypatch.setattr(database_module, "LOCK_TIMEOUT_S", 0.05)
    impatient = Database(postgres_database.url)
    request.addfinalizer(impatient.dispose)
    define_in(postgres_database)

    def hold(uow):
        uow.studies.lock("s")
        with pytest.raises(DatabaseUnavailable):
            impatient.write(lambda other: other.studies.lock("s"))

    postgres_database.write(hold)


def test_a_question_that_makes_no_sense_is_a_bug_not_an_absence(database):
    with pytest.raises(DBAPIError):
        database.read(lambda uow: uow.session.execute(text("SELECT nothing FROM nowhere")))


def test_a_database_that_is_away_is_unavailable(tmp_path):
    away = Database("postgresql://headway@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable):
        away.read(lambda uow: uow.now)
    nowhere = Database(sqlite_url(tmp_path / "missing" / "x.db"))
    with pytest.raises(DatabaseUnavailable):
        nowhere.read(lambda uow: uow.now)


def test_a_server_that_starts_waits_for_a_database_that_is_away(caplog):
    postgres = PostgresServer()
    postgres.start()
    database = Database(postgres.url)
    try:
        postgres.kill()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(database.patiently, lambda: require_known_schema(database), 60.0)
            until = time.monotonic() + 30
            while "waiting for the database" not in caplog.text:
                assert time.monotonic() < until
                time.sleep(0.05)
            assert not waiting.done()
            postgres.start()
            with pytest.raises(
                SchemaMismatch, match="headway migrate"
            ):  # it is there, and was never migrated
                waiting.result(60)
    finally:
        database.dispose()
        postgres.throw_away()


def test_it_does_not_wait_for_ever(tmp_path):
    away = Database("postgresql://headway@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable, match=r"can't be reached: .*HEADWAY_DATABASE_URL"):
        away.patiently(lambda: require_known_schema(away), 0.0)


def test_a_file_does_not_come_back_by_itself(tmp_path):
    nowhere = Database(sqlite_url(tmp_path / "missing" / "x.db"))
    with pytest.raises(DatabaseUnavailable, match="can't be reached"):
        nowhere.patiently(lambda: nowhere.read(lambda uow: uow.now), 600.0)
