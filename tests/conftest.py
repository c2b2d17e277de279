"""Databases and studies that the tests of several rooms share."""

import os
import shutil
import uuid
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
def postgres_database(postgres_template):
    server, template = postgres_template
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    database = Database(f"{server.rsplit('/', 1)[0]}/{name}")
    yield database
    database.dispose()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """A fresh, migrated database of either kind."""
    return request.getfixturevalue("sqlite_database" if request.param == "sqlite" else "postgres_database")


class SpreadEngine:
    """An engine without a model: trial k gets x = k/1000. Obeys `engine_port.Engine`."""

    def __init__(self, database):
        self._database = database

    def points(self, study, numbers, held=NOTHING_HELD):
        definition = self._database.read(lambda uow: uow.studies.get(study)).definition
        space = SearchSpace.from_wire(definition.space)
        origin = Receipt(policy="spread", strategy=definition.strategy, fixed=held.fixed or None)
        return [
            Point(
                number=number,
                params=space.from_uniform([number / 1000 % 1.0] * len(space.parameters)) | held.values,
                origin=origin,
                seen_seq=0,
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
