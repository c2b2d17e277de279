"""Who works on a project's studies."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headway.wire.access import ProjectCreate
from headway.wire.trial import FinishRequest, HeartbeatRequest, SuggestRequest
from headway_server.domain.access import COMMAND_LINE
from headway_server.services import delete_study, projects, workers
from headway_server.services.finish import finish
from headway_server.services.heartbeat import heartbeat
from headway_server.services.leases import sweep
from headway_server.services.suggest import suggest

DAY_S = 24 * 3600.0


def take(database, engine, worker, study="s", **more):
    return suggest(database, engine, study, SuggestRequest(worker=worker, **more)).response.trials[0]


def report(database, trial, study="s", **result):
    finish(database, study, trial.number, FinishRequest(lease_token=trial.lease.token, **result))


def seen(database, within_s=DAY_S, limit=100, cursor=None):
    return workers.page(database, cursor, limit, within_s)


@pytest.fixture
def crowd(define, database, engine):
    """a: two results, a failure, a lease in each study. b: a lease that ran out an hour ago and a half."""
    define()
    define("t")
    lost = take(database, engine, "b", lease_s=60)
    database.clock_offset += timedelta(minutes=90)
    sweep(database)
    take(database, engine, None)
    for value in (1.0, 2.0):
        report(database, take(database, engine, "a"), metrics={"value": value})
    for message in ("first\nline", "x" * 600):
        report(database, take(database, engine, "a"), outcome="failed", reason="Boom", message=message)
        database.clock_offset += timedelta(seconds=1)
    return lost, take(database, engine, "a", "t"), take(database, engine, "a")


def test_a_page_tells_who_is_alive_and_what_each_has_done(crowd, database):
    a, b = seen(database).workers
    assert (a.worker, a.alive, a.attempts, a.finished, a.expired) == ("a", True, 6, 4, 0)
    assert [(lease.study, lease.trial, lease.attempt) for lease in a.held] == [
        ("t", crowd[1].number, 1),
        ("s", crowd[2].number, 1),
    ]
    assert a.held[0].expires_at == crowd[1].lease.expires_at
    assert a.finished_last_h == 4
    assert (a.last_error.study, a.last_error.reason, a.last_error.message) == ("s", "Boom", "x" * 500)
    assert (b.worker, b.alive, b.held, b.finished, b.expired) == ("b", False, (), 0, 1)
    assert b.last_error is None
    assert b.first_seen == b.last_seen
    database.clock_offset += timedelta(hours=2)
    assert seen(database).workers[0].finished_last_h == 0


def test_who_has_not_been_seen_for_long_is_left_out(crowd, database):
    assert [one.worker for one in seen(database, within_s=3600).workers] == ["a"]
    assert [one.worker for one in seen(database, within_s=2 * 3600).workers] == ["a", "b"]


def test_a_heartbeat_is_a_sign_of_life_and_a_lease_that_ran_out_is_none(crowd, database):
    database.clock_offset += timedelta(minutes=5)
    heartbeat(database, "t", crowd[1].number, HeartbeatRequest(lease_token=crowd[1].lease.token))
    before = seen(database).workers[0]
    database.clock_offset += timedelta(hours=3)
    after = seen(database).workers[0]
    assert after.last_seen == before.last_seen > before.held[0].leased_at
    assert (before.alive, after.alive, len(after.held)) == (True, False, 2)


def test_pages_follow_each_other(crowd, database):
    first = seen(database, limit=1)
    assert ([one.worker for one in first.workers], first.next_cursor) == (["a"], "a")
    rest = seen(database, limit=1, cursor="a")
    assert ([one.worker for one in rest.workers], rest.next_cursor) == (["b"], None)


def test_a_key_sees_the_workers_of_its_project_and_of_its_study(crowd, database):
    everywhere = database.acting(COMMAND_LINE)
    projects.create_or_get(everywhere, ProjectCreate(name="lab"))
    lab = everywhere.read(lambda uow: uow.projects.find("lab").id)
    assert seen(database.acting(COMMAND_LINE.within(lab))).workers == ()
    (only,) = seen(database.acting(replace(COMMAND_LINE, study="t"))).workers
    assert (only.worker, only.attempts, only.last_error) == ("a", 1, None)
    delete_study.delete(database, "t", "*")
    assert [lease.study for lease in seen(database).workers[0].held] == ["s"]
