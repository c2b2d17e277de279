"""A backup is the whole database at one moment, and becomes that again on either kind of database."""

import gzip
import hashlib
import json
import threading
import uuid
from datetime import timedelta

import psycopg
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, inspect, select, text

from headway.wire.access import KeyCreate, ProjectCreate
from headway.wire.measurement import Measurement, MeasurementsRequest
from headway.wire.observations import ImportRequest
from headway.wire.space import Float, Space
from headway.wire.study import StudyDefinition
from headway.wire.trial import FinishRequest, HeartbeatRequest, SuggestRequest
from headway_server.commands import backups as commands
from headway_server.domain.errors import DatabaseNotEmpty, DatabaseUnavailable, InvalidBackup, SchemaMismatch
from headway_server.services import keys, projects, studies, trials
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.idempotency import Once, RequestKey
from headway_server.services.importing import import_rows
from headway_server.services.measurements import measure
from headway_server.services.suggest import suggest
from headway_server.settings import sqlite_url
from headway_server.storage import backup, backup_file
from headway_server.storage.backup import back_up, restore
from headway_server.storage.database import Database
from headway_server.storage.schema import migrate_down, present_revision, require_known_schema
from headway_server.storage.tables import ModelState, WebSession, metadata
from tests.conftest import SpreadEngine

ROWS = ImportRequest.model_validate({"rows": [{"params": {"x": 1 / 3}, "metrics": {"value": 0.1}}]})
KINDS = ["sqlite", "postgresql"]


@pytest.fixture
def filled(database, engine, define):
    """A database with rows in its tables, and an id that was given to something deleted since."""
    define(budget=20)
    key = RequestKey.of("suggest", "k", SuggestRequest(count=3))
    given = suggest(database, engine, "s", SuggestRequest(count=3), key).response.trials
    body = FinishRequest(
        lease_token=given[0].lease.token, metrics={"value": 5e-324}, message='a\u2028"b\\ \U0001f9ea'
    )
    finish(database, "s", given[0].number, body)
    step = Measurement(step=1, metrics={"value": 0.1}, t=1 / 3)
    on_its_way = MeasurementsRequest(lease_token=given[1].lease.token, measurements=(step,))
    measure(database, "s", given[1].number, on_its_way)
    Once("import", "k")(database, import_rows, "s", ROWS)
    projects.create_or_get(database, ProjectCreate(name="gone"))
    projects.delete(database, "gone")
    made = keys.create(database, "default", KeyCreate(role="viewer"))

    def more(uow):
        study = uow.studies.get("s")
        uow.models.add(ModelState(study.id, 1, '{"a":1}', 1, 0.25, uow.now))
        uow.keys.let_in(WebSession("h" * 64, made.id, uow.now, uow.now + timedelta(days=1)))

    database.write(more)
    assert sum(count > 0 for count in rows(database).values()) >= 12
    return database


@pytest.fixture
def empty(request, tmp_path):
    """A database that nobody has used yet."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "deep" / "restored.db")
    else:
        server, _ = request.getfixturevalue("postgres_template")
        name = f"r_{uuid.uuid4().hex[:12]}"
        url = f"{server.rsplit('/', 1)[0]}/{name}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
    fresh = Database(url)
    yield fresh
    fresh.dispose()


@pytest.fixture
def new(tmp_path):
    database = Database(sqlite_url(tmp_path / "new.db"))
    yield database
    database.dispose()


def rows(database):
    with database.connection() as connection:
        return {
            one.name: connection.scalar(select(func.count()).select_from(one))
            for one in metadata.sorted_tables
        }


def content(database):
    """Every row of every table, as Python's values."""
    with database.connection() as connection:
        return {
            one.name: sorted(map(repr, connection.execute(select(one)).all()))
            for one in metadata.sorted_tables
        }


@pytest.mark.parametrize("empty", KINDS, indirect=True)
@pytest.mark.parametrize("database", KINDS, indirect=True)
def test_every_row_comes_back_on_either_database(filled, empty, tmp_path):
    file = tmp_path / "b"
    counts = back_up(filled, file)
    assert counts == rows(filled)
    assert file.stat().st_mode & 0o777 == 0o600
    assert restore(empty, file) == counts
    require_known_schema(empty)
    assert content(empty) == content(filled)

    before = {one.number: one for one in trials.page(filled, "s", None, 100).trials}
    engine = SpreadEngine(empty)
    key = RequestKey.of("suggest", "k", SuggestRequest(count=3))
    again = suggest(empty, engine, "s", SuggestRequest(count=3), key)
    assert again.replayed
    heartbeat(empty, "s", 2, HeartbeatRequest(lease_token=again.response.trials[1].lease.token))
    assert Once("import", "k")(empty, import_rows, "s", ROWS)[1]
    (fresh,) = suggest(empty, engine, "s", SuggestRequest()).response.trials
    assert fresh.number == max(before) + 1
    projects.create_or_get(empty, ProjectCreate(name="next"))
    assert empty.read(lambda uow: uow.projects.named("next").id) == 3  # 2 was given to one that is gone


def test_what_is_there_is_kept_unless_it_is_said(filled, tmp_path, engine):
    back_up(filled, tmp_path / "b")
    suggest(filled, engine, "s", SuggestRequest())
    before = content(filled)
    with pytest.raises(DatabaseNotEmpty, match="--replace"):
        restore(filled, tmp_path / "b")
    assert content(filled) == before
    restore(filled, tmp_path / "b", replace=True)
    assert studies.read(filled, "s").trials.leased == 2
    back_up(filled, tmp_path / "c")
    assert lines(tmp_path / "c")[1:] == lines(tmp_path / "b")[1:]


def lines(path):
    """A backup's lines; rows in an order of their own."""
    with gzip.open(path) as file:
        return sorted(line for line in file if b"made_at" not in line and b'"end"' not in line)


def test_a_backup_is_one_moment_however_many_write(database, engine, define, tmp_path, monkeypatch):
    """Each lease adds an attempt and an event: in the file, both or none."""
    monkeypatch.setattr(backup, "ROWS_AT_ONCE", 2)
    define(budget=None)
    suggest(database, engine, "s", SuggestRequest(count=20))
    over = threading.Event()

    def work():
        while not over.is_set():
            suggest(database, engine, "s", SuggestRequest())

    writers = [threading.Thread(target=work) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        counts = [back_up(database, tmp_path / f"{k}") for k in range(10)]
    finally:
        over.set()
        for writer in writers:
            writer.join()
    for one in counts:
        assert one["attempts"] == one["events"] - 1
        assert 0 <= one["trials"] - one["attempts"] <= len(writers)  # whose point is being computed
    assert counts[-1]["trials"] > counts[0]["trials"]


def test_an_empty_database_is_backed_up_too(database, new, tmp_path):
    assert back_up(database, tmp_path / "b")["studies"] == 0
    restore(new, tmp_path / "b")
    assert content(new) == content(database)


def test_a_backup_of_an_older_schema_is_brought_to_this_one(filled, new, tmp_path):
    """Made as an older version would: with the tables that it had."""
    migrate_down(filled, "0001")
    old = tmp_path / "old"
    with filled.connection() as connection, backup_file.written(old) as file:
        moment = filled.read(lambda uow: uow.now)
        file.header(backup_file.Header(schema_="0001", made_at=moment, made_by="0.0.1"))
        tables = inspect(connection).get_table_names()
        for one in metadata.sorted_tables:
            if one.name not in tables:
                continue
            present = {column["name"] for column in inspect(connection).get_columns(one.name)}
            columns = [column for column in one.columns if column.name in present]
            kinds = {column.name: backup._kind(column) for column in columns}
            file.table(backup_file.TableHeader(table=one.name, columns=kinds))
            plain = backup._plain(one.name, kinds)
            for row in connection.execute(select(plain)):
                file.row(row)
        file.end()
    restore(new, old)
    require_known_schema(new)
    assert studies.read(new, "s").trials.leased == 2
    assert trials.read(new, "s", 1).value == 5e-324


@pytest.fixture
def made(sqlite_database, tmp_path):
    """A backup of a small study."""
    body = StudyDefinition(name="s", space=Space(parameters=(Float(0, 1, name="x"),)))
    studies.create_or_get(sqlite_database, body)
    suggest(sqlite_database, SpreadEngine(sqlite_database), "s", SuggestRequest(count=5))
    back_up(sqlite_database, tmp_path / "b")
    return tmp_path / "b"


def changed(path, change):
    """The file with its lines changed, packed again."""
    with gzip.open(path) as file:
        text_of = change(file.read())
    with gzip.open(path, "wb") as file:
        file.write(text_of)
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda all_: all_[: len(all_) // 2],
        lambda all_: all_.replace(b"leased", b"queued", 1),
        lambda all_: b"\n".join(all_.splitlines()[:-1]) + b"\n",
        lambda all_: b"\n".join(all_.splitlines()[:-3] + all_.splitlines()[-1:]) + b"\n",
        lambda all_: all_ + b"[1]\n",
        lambda all_: all_ + all_,
        lambda all_: all_.split(b"\n", 1)[1],
        lambda _: b"",
        lambda _: b"id,name\n1,s\n",
    ],
)
def test_what_was_changed_cut_or_never_a_backup_restores_nothing(made, new, change):
    with pytest.raises(InvalidBackup, match=str(made)):
        restore(new, changed(made, change))
    assert not new.sqlite_path.exists()


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_flipped_bit_is_found_or_harmless(made, data):
    whole = made.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = made.with_name("broken")
    broken.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << data.draw(st.integers(0, 7))]) + whole[at + 1 :])
    try:
        found = backup_file.verify(broken)
    except InvalidBackup:
        return
    assert found == backup_file.verify(made)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_restores_nothing(made, new, share):
    whole = made.read_bytes()
    made.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InvalidBackup, match=str(made)):
        restore(new, made)
    assert not new.sqlite_path.exists()


def test_a_file_that_is_not_there_is_a_line(new, tmp_path):
    with pytest.raises(InvalidBackup, match="No such file"):
        restore(new, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("field", "value", "error"), [("schema", "9999", SchemaMismatch), ("format", 2, InvalidBackup)]
)
def test_a_backup_of_a_newer_version_is_refused(made, new, field, value, error):
    def change(whole):
        first, rest = whole.split(b"\n", 1)
        head = json.dumps(json.loads(first) | {field: value}).encode()
        body, end = rest[: rest.rstrip().rfind(b"\n") + 1], json.loads(rest.rstrip().rsplit(b"\n", 1)[1])
        checksum = hashlib.sha256(head + b"\n" + body).hexdigest()
        return head + b"\n" + body + json.dumps(end | {"sha256": checksum}).encode() + b"\n"

    with pytest.raises(error, match="Install that version"):
        restore(new, changed(made, change))
    assert not new.sqlite_path.exists()


@pytest.mark.parametrize("replace", [False, True])
def test_a_database_that_is_not_ours_is_left_alone(made, new, replace):
    with new.connection() as connection:
        connection.execute(text("CREATE TABLE mine (x)"))
        connection.commit()
    with pytest.raises(SchemaMismatch, match="new database"):
        restore(new, made, replace=replace)
    with new.connection() as connection:
        assert inspect(connection).get_table_names() == ["mine"]


def test_a_restore_that_fails_half_way_changes_nothing(filled, tmp_path, monkeypatch):
    back_up(filled, tmp_path / "b")
    before = content(filled)
    monkeypatch.setattr(backup, "_continue_after", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        restore(filled, tmp_path / "b", replace=True)
    assert content(filled) == before
    assert present_revision(filled) is not None


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_database_that_somebody_uses_is_not_replaced(filled, tmp_path):
    back_up(filled, tmp_path / "b")
    before = content(filled)

    def hold(uow):
        uow.studies.lock("s")
        with pytest.raises(DatabaseUnavailable, match="Stop the servers"):
            restore(filled, tmp_path / "b", replace=True)

    filled.write(hold)
    assert content(filled) == before


def test_a_backup_that_fails_leaves_the_one_before(made, sqlite_database, monkeypatch):
    before = made.read_bytes()
    monkeypatch.setattr(backup_file.BackupWriter, "end", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        back_up(sqlite_database, made)
    assert made.read_bytes() == before
    assert list(made.parent.glob("*.partial")) == []


def test_the_commands_say_what_they_did_and_refuse_in_a_line(made, sqlite_database, new):
    def run(command, *arguments):
        return CliRunner().invoke(command, list(map(str, arguments)))

    saved = run(commands.backup, made, "--database", sqlite_database.url)
    assert saved.output == f"1 studies, 5 trials, 0 observations in {made}\n"
    first = run(commands.restore, made, "--database", new.url)
    assert first.output == f"1 studies, 5 trials, 0 observations from {made}\n"
    second = run(commands.restore, made, "--database", new.url)
    assert second.exit_code == 1
    assert "--replace" in second.output
    assert run(commands.restore, made, "--replace", "--database", new.url).exit_code == 0
