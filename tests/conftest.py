"""Databases and studies that the tests of several rooms share."""

import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from headway.wire.explanation import Score
from headway.wire.model import ModelSummary
from headway.wire.space import Float, Space
from headway.wire.study import Interval, StudyDefinition
from headway.wire.trial import Receipt
from headway_server.domain.held import NOTHING_HELD
from headway_server.domain.space import SearchSpace
from headway_server.services import studies
from headway_server.services.engine_port import Explained, Point, Predictions
from headway_server.settings import sqlite_url
from headway_server.storage.database import Database
from headway_server.storage.schema import migrate
from headway_server.storage.tables import metadata
from tests.postgres import throwaway_server

# `make test` says the same thing every time; HEADWAY_HYPOTHESIS=explore looks where nobody has looked yet.
settings.register_profile(
    "fixed", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "explore", deadline=None, max_examples=1_000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HEADWAY_HYPOTHESIS", "fixed"))


UNTRACED = {"engine", "benchmarks", "workers"}
"""Rooms whose coverage nobody asks for (pyproject.toml names those that count): tracing would make their
tests, which compute, take half as long again."""


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in UNTRACED:
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory):
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(sqlite_url(path))
    migrate(database)
    database.dispose()
    return path


@pytest.fixture
def sqlite_database(tmp_path, migrated_sqlite):
    path = Path(shutil.copy(migrated_sqlite, tmp_path / "headway.db"))
    database = Database(sqlite_url(path))
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def postgres_template():
    """URL of a migrated database on a throwaway server; each test gets a copy of it."""
    with throwaway_server(os.environ.get("HEADWAY_TEST_PG_URL")) as server:
        name = f"template_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
        database = Database(f"{server.rsplit('/', 1)[0]}/{name}")
        migrate(database)
        database.dispose()
        yield server, name


@pytest.fixture
def fresh_postgres_database(postgres_template):
    """A copy of the migrated database, which goes with the test: for tests that change the schema."""
    with _copy(*postgres_template) as database:
        yield database


@pytest.fixture(scope="session")
def recycled_postgres(postgres_template):
    """A copy of the migrated database that one test after the other works in, and how it is emptied: a copy
    for each would take twenty times as long as emptying one.
    """
    with _copy(*postgres_template) as database:
        yield database.url, Emptying(database)


@pytest.fixture
def postgres_database(recycled_postgres):
    """A migrated database with nothing in it."""
    url, empty = recycled_postgres
    database = Database(url)
    yield database
    database.dispose()
    empty()


@contextmanager
def _copy(server, template):
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    database = Database(f"{server.rsplit('/', 1)[0]}/{name}")
    yield database
    database.dispose()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


class Emptying:
    """Makes a database what it was after its migration: its rows, and the numbers of the next ones."""

    def __init__(self, database):
        self._url = database.url.replace("+psycopg", "")
        with psycopg.connect(self._url, autocommit=True) as admin:
            self._first = {
                table.name: admin.execute(f'SELECT * FROM "{table.name}"').fetchall()
                for table in metadata.sorted_tables
            }
            query = "SELECT sequencename, last_value FROM pg_sequences"
            restarts = [
                f"setval('{name}', {last or 1}, {last is not None})" for name, last in admin.execute(query)
            ]
        emptied = (f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables))
        self._statements = "; ".join([*emptied, f"SELECT {', '.join(restarts)}"])

    def __call__(self):
        with psycopg.connect(self._url) as admin:
            # What a test has left behind may hold a lock.
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            admin.execute(self._statements)
            for table, rows in self._first.items():
                for row in rows:
                    marks = ", ".join(["%s"] * len(row))
                    admin.execute(f'INSERT INTO "{table}" VALUES ({marks})', row)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """A fresh, migrated database of either kind."""
    return request.getfixturevalue("sqlite_database" if request.param == "sqlite" else "postgres_database")


class SpreadEngine:
    """An engine without a model: trial k gets x = k/1000. Obeys `engine_port.Engine`."""

    def __init__(self, database):
        self._database = database

    def points(self, study, numbers, held=NOTHING_HELD):
        row = self._database.read(lambda uow: uow.studies.get(study))
        definition = row.definition
        space = SearchSpace.from_wire(definition.space)
        origin = Receipt(policy="spread", strategy=definition.strategy, fixed=held.fixed or None)
        return [
            Point(
                number=number,
                params=space.from_uniform([number / 1000 % 1.0] * len(space.parameters)) | held.values,
                origin=origin,
                seen_seq=0,
                space_version=row.space_version,
            )
            for number in numbers
        ]

    def predict(self, study, points):
        return Predictions(
            model_version=1,
            n_observed=3,
            intervals=tuple(Interval(mean=1.0, sd=0.5, low=0.0, high=2.0) for _ in points),
        )

    def explain(self, study, asked):
        score = Score(
            acquisition="log-ei",
            mean=0.5,
            sd=0.25,
            beta=None,
            exploration=None,
            best=0.5,
            p_improvement=0.5,
            p_feasible=None,
            total=-2.3,
        )
        return Explained(
            model_version=1,
            n_observed=3,
            as_made=False,
            predicted=Interval(mean=1.0, sd=0.5, low=0.0, high=2.0),
            metrics={},
            score=score,
            nearest=(),
            alternatives=(),
        )

    def summary(self, study):
        return ModelSummary(version=1, n_observed=3)


@pytest.fixture
def engine(database):
    return SpreadEngine(database)


@pytest.fixture
def define(database):
    """Create a study: `define(name, budget=…, …)`."""

    def create(name="s", **fields):
        fields.setdefault("space", Space(parameters=(Float(0, 1, name="x"),)))
        fields.setdefault("budget", 10)
        studies.create_or_get(database, StudyDefinition.model_validate({"name": name} | fields))
        return name

    return create
