"""What somebody is told of outlasts a power cut, and writers share the syncs that this takes."""

import shutil
import sqlite3
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from headway.wire.space import Float, Space
from headway.wire.study import StudyDefinition
from headway.wire.trial import FinishRequest, ReleaseRequest, SuggestRequest
from headway_server.domain.errors import DatabaseUnavailable
from headway_server.services import studies
from headway_server.services.finish import finish
from headway_server.services.release import release
from headway_server.services.suggest import suggest
from headway_server.storage import database as database_module
from headway_server.storage.log_sync import LogSync, flush
from tests.conftest import SpreadEngine


@pytest.fixture
def syncs(sqlite_database, monkeypatch):
    """A list that grows with every sync of the database's log."""
    done = []
    monkeypatch.setattr(sqlite_database.sync_log, "fdatasync", done.append)
    return done


def begin(database):
    space = Space(parameters=(Float(0, 1, name="x"),))
    studies.create_or_get(database, StudyDefinition(name="s", space=space))


def asked(database, **request):
    return suggest(database, SpreadEngine(database), "s", SuggestRequest(**request)).response.trials


def reported(database, trial):
    result = FinishRequest(lease_token=trial.lease.token, metrics={"value": float(trial.number)})
    return finish(database, "s", trial.number, result)


def test_what_was_acknowledged_is_on_the_disk(sqlite_database, monkeypatch, tmp_path):
    begin(sqlite_database)
    path, image = sqlite_database.sqlite_path, tmp_path / "image"

    def power_cut_from_here_on(_):
        shutil.rmtree(image, ignore_errors=True)
        image.mkdir()
        # In another process: closing a file of the database in this one would end SQLite's locks on it.
        subprocess.run(["cp", str(path), f"{path}-wal", str(image)], check=True)

    monkeypatch.setattr(sqlite_database.sync_log, "fdatasync", power_cut_from_here_on)

    def on_the_disk(query):
        found = sqlite3.connect(image / path.name)
        try:
            return found.execute(query).fetchall()
        finally:
            found.close()

    for number in range(1, 6):
        (trial,) = asked(sqlite_database)
        assert (trial.number, trial.lease.token) in on_the_disk(
            "SELECT trials.number, token FROM attempts JOIN trials ON trials.id = trial_id"
        )
        reported(sqlite_database, trial)
        assert on_the_disk("SELECT count(*), max(value) FROM observations") == [(number, number)]


def test_a_suggestion_waits_for_the_disk_once(sqlite_database, syncs):
    begin(sqlite_database)
    del syncs[:]
    (trial,) = asked(sqlite_database)
    assert len(syncs) == 1
    release(sqlite_database, "s", trial.number, ReleaseRequest(lease_token=trial.lease.token))
    del syncs[:]
    (again,) = asked(sqlite_database)  # its point is known: handed out by the first transaction
    assert (again.number, len(syncs)) == (trial.number, 1)
    reported(sqlite_database, again)
    assert len(syncs) == 2
    sqlite_database.read(lambda uow: uow.studies.get("s"))
    assert len(syncs) == 2


@pytest.fixture
def flushes(postgres_database, monkeypatch):
    """For every flush of PostgreSQL's log: where the log ended before it, and up to where it was on the disk
    afterwards.
    """
    seen = []

    def watched(connection):
        (end,) = _asked_of_postgres(postgres_database, "SELECT pg_current_wal_insert_lsn()")
        flush(connection)
        (flushed,) = _asked_of_postgres(postgres_database, "SELECT pg_current_wal_flush_lsn()")
        seen.append((_position(end), _position(flushed)))

    monkeypatch.setattr(database_module, "flush", watched)
    return seen


def _asked_of_postgres(database, query):
    with database.connection() as connection:
        return connection.exec_driver_sql(query).one()


def _position(lsn):
    """A place in PostgreSQL's log, as a number."""
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def test_postgresql_flushes_what_is_acknowledged_and_no_reservation(postgres_database, flushes):
    begin(postgres_database)
    del flushes[:]
    (trial,) = asked(postgres_database)
    assert len(flushes) == 1
    reported(postgres_database, trial)
    assert len(flushes) == 2
    assert all(flushed >= end for end, flushed in flushes)
    postgres_database.read(lambda uow: uow.studies.get("s"))
    assert len(flushes) == 2


def test_postgresql_lets_others_write_while_the_disk_is_at_work(postgres_database, monkeypatch):
    begin(postgres_database)
    (first,) = asked(postgres_database)
    (second,) = asked(postgres_database)

    def meanwhile(connection):
        monkeypatch.setattr(database_module, "flush", flush)
        reported(postgres_database, second)  # of the same study, whose lock has been let go
        flush(connection)

    monkeypatch.setattr(database_module, "flush", meanwhile)
    assert not reported(postgres_database, first).duplicate
    assert reported(postgres_database, second).duplicate


def test_a_server_that_dies_before_it_confirms_is_told(postgres_database, monkeypatch):
    begin(postgres_database)
    (trial,) = asked(postgres_database)

    def too_late(connection):
        _asked_of_postgres(
            postgres_database, f"SELECT pg_terminate_backend({connection.info.backend_pid}, 10000)"
        )
        flush(connection)

    with monkeypatch.context() as broken:
        broken.setattr(database_module, "flush", too_late)
        with pytest.raises(DatabaseUnavailable, match="did not confirm"):
            reported(postgres_database, trial)
    assert reported(postgres_database, trial).duplicate  # only the connection had died


def test_a_disk_that_fails_is_told(sqlite_database, monkeypatch):
    begin(sqlite_database)
    (trial,) = asked(sqlite_database)

    def fail(_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(sqlite_database.sync_log, "fdatasync", fail)
        with pytest.raises(DatabaseUnavailable, match="Input/output error"):
            reported(sqlite_database, trial)
    assert reported(sqlite_database, trial).duplicate


def test_who_waits_shares_a_sync_that_began_after_all_had_asked(tmp_path):
    (tmp_path / "x.db-wal").touch()
    sync, clock = LogSync(tmp_path / "x.db"), count()
    began, ended = [], []
    first, all_have_asked = threading.Event(), threading.Event()

    def fdatasync(_):
        began.append(next(clock))
        if not first.is_set():
            first.set()
            assert all_have_asked.wait(30)
        ended.append(next(clock))

    sync.fdatasync = fdatasync

    def wait_for_it():
        since = next(clock)
        sync()
        return since, next(clock)

    with ThreadPoolExecutor(9) as pool:
        waiting = [pool.submit(wait_for_it)]
        assert first.wait(30)
        waiting += [pool.submit(wait_for_it) for _ in range(8)]
        while sync._asked < 9:
            threading.Event().wait(0.001)
        all_have_asked.set()
        spans = [one.result() for one in waiting]
    assert len(began) == 2
    for since, until in spans:
        assert any(since < a and b < until for a, b in zip(began, ended, strict=True))


def test_a_log_that_was_moved_into_the_database_needs_no_sync(tmp_path):
    sync, done = LogSync(tmp_path / "x.db"), []
    sync.fdatasync = done.append
    sync()
    assert not done
