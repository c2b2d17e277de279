"""A database of the first version, in the midst of its work, is upgraded: all is there, and work goes on."""

import uuid

import psycopg
import pytest
from sqlalchemy import MetaData, inspect, select

from headway.wire.study import StudyDefinition
from headway.wire.trial import FinishRequest, HeartbeatRequest, SuggestRequest
from headway_server.domain.access import OPEN
from headway_server.domain.errors import IdempotencyKeyReused
from headway_server.services import studies, trials
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.idempotency import RequestKey
from headway_server.services.suggest import suggest
from headway_server.settings import sqlite_url
from headway_server.storage.database import Database
from headway_server.storage.schema import migrate, migrate_down, require_known_schema
from tests.conftest import SpreadEngine
from tests.storage.first_schema import DEFINITION, KEY, POINT, SCOPE, STATES, TOKEN, fill


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request, tmp_path):
    """A database at the first schema, filled."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "old.db")
    else:
        server, _ = request.getfixturevalue("postgres_template")
        name = f"old_{uuid.uuid4().hex[:12]}"
        url = f"{server.rsplit('/', 1)[0]}/{name}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
    database = Database(url)
    migrate(database, "0001")
    with database.connection() as connection:
        fill(connection)
        connection.commit()
    yield database
    database.dispose()


def content(database):
    """Every row of every table as it lies there: a mapping by column."""
    with database.connection() as connection:
        tables = MetaData()
        tables.reflect(connection)
        return {
            name: [dict(row) for row in connection.execute(select(one)).mappings()]
            for name, one in tables.tables.items()
            if name != "alembic_version"
        }


def assert_kept(before, after):
    """Every row of `before` is in `after`, in all of its columns; new columns and tables may have come."""
    for name, rows in before.items():
        columns = rows[0].keys()
        assert columns <= after[name][0].keys(), name
        had = [repr([row[column] for column in columns]) for row in rows]
        has = [repr([row[column] for column in columns]) for row in after[name]]
        assert sorted(had) == sorted(has), name


def without_owners(found):
    """Kept answers as they were before they had owners: nobody had a key, so all were asked in the open."""
    kept = [row | {"scope": row["scope"].removeprefix("1 open ")} for row in found["idempotency_keys"]]
    return found | {"idempotency_keys": kept}


def test_every_row_of_the_first_schema_is_kept_up_down_and_up_again(old):
    first = content(old)
    assert all(first.values())
    assert {row["state"] for row in first["trials"]} == set(STATES.values())
    assert {row["state"] for row in first["studies"]} == {"running", "paused", "completed", "archived"}
    migrate(old)
    require_known_schema(old)
    newest = content(old)
    assert_kept(first, without_owners(newest))
    migrate_down(old, "0001")
    assert_kept(first, content(old))
    assert content(old).keys() == first.keys()
    migrate(old)
    # What the first schema has no room for is made anew: the project's day of birth.
    for table in ("projects",):
        newest.pop(table)
    assert_kept({name: rows for name, rows in newest.items() if rows}, content(old))


@pytest.fixture
def upgraded(old):
    migrate(old)
    return old


def test_a_study_of_before_is_read_and_joined(upgraded):
    view = studies.read(upgraded, "s")
    assert view.budget_left == 8
    assert sum(view.trials.model_dump().values()) == len(STATES)
    same, created = studies.create_or_get(upgraded, StudyDefinition.model_validate(DEFINITION))
    assert not created
    assert same == view
    shown = trials.page(upgraded, "s", None, 100).trials
    assert {trial.number: trial.state for trial in shown} == STATES
    assert (shown[11].value, len(shown[11].observations)) == (-1e-300, 2)
    assert shown[0].params == POINT
    assert shown[0].origin.predicted.mean == 0.5


def test_a_lease_of_before_is_renewed_and_reported(upgraded):
    heartbeat(upgraded, "s", 7, HeartbeatRequest(lease_token=TOKEN.format(7)))
    done = finish(upgraded, "s", 7, FinishRequest(lease_token=TOKEN.format(7), metrics={"loss": -5.0}))
    assert (done.late, done.best_changed, done.trial_state) == (False, True, "completed")
    late = finish(upgraded, "s", 8, FinishRequest(lease_token=TOKEN.format(8), metrics={"loss": 3.0}))
    assert (late.late, late.superseded, late.trial_state) == (True, False, "completed")
    found = finish(upgraded, "s", 6, FinishRequest(lease_token=TOKEN.format(6), metrics={"loss": 4.0}))
    assert (found.late, found.trial_state) == (True, "completed")


def test_what_waits_is_handed_out_and_numbers_go_on(upgraded):
    engine = SpreadEngine(upgraded)
    numbers = []
    while (answer := suggest(upgraded, engine, "s", SuggestRequest(count=4)).response).status == "ok":
        numbers += [trial.number for trial in answer.trials]
    assert numbers == [10, 9, *range(13, 21)]
    assert suggest(upgraded, engine, "p", SuggestRequest()).response.reason == "paused"
    assert suggest(upgraded, engine, "z", SuggestRequest()).response.status == "done"


def test_an_answer_of_before_is_still_kept(upgraded):
    def under(body_hash):
        key = RequestKey(SCOPE, KEY, body_hash)
        return suggest(upgraded.acting(OPEN), SpreadEngine(upgraded), "s", SuggestRequest(), key)

    again = under("0" * 64)
    assert again.replayed
    assert again.response.trials[0].lease.token == TOKEN.format(7)
    with pytest.raises(IdempotencyKeyReused):
        under("1" * 64)


def test_the_first_schema_has_the_tables_that_it_had(old):
    with old.connection() as connection:
        assert set(inspect(connection).get_table_names()) == {
            *("studies", "trials", "attempts", "observations", "events", "gp_states"),
            *("idempotency_keys", "alembic_version"),
        }
