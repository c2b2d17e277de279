"""A command under a key runs once: its answer is there exactly where what it did is."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from headway.wire.access import KeyCreate
from headway.wire.observations import ImportRequest
from headway.wire.study import StudyPatch, StudyView
from headway_server.domain.access import OPEN
from headway_server.domain.errors import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    NotFound,
    StaleEtag,
)
from headway_server.services import change_study, keys, studies
from headway_server.services.idempotency import KEPT_FOR, Once, forget_expired
from headway_server.services.importing import import_rows
from headway_server.storage.database import Database
from headway_server.storage.tables import idempotency_keys

ROWS = ImportRequest.model_validate({"rows": [{"params": {"x": 0.5}, "metrics": {"value": 1}}]})
OTHER_ROWS = ImportRequest.model_validate({"rows": [{"params": {"x": 0.25}, "metrics": {"value": 1}}]})
once = Once("POST /v1/studies/s/observations:batch", "k")


def completed(database):
    return studies.read(database, "s").trials.completed


def test_a_repeat_has_the_same_answer_and_changes_nothing(database, define):
    define()
    first, repeated = once(database, import_rows, "s", ROWS)
    assert not repeated
    assert once(database, import_rows, "s", ROWS) == (first, True)
    assert completed(database) == 1


def test_another_key_path_or_actor_is_another_request(database, define):
    define()
    once(database, import_rows, "s", ROWS)
    for other in (Once(once.scope, "other"), Once("POST /elsewhere", once.key)):
        assert not other(database, import_rows, "s", ROWS)[1]
    assert not once(database.acting(OPEN), import_rows, "s", ROWS)[1]
    assert completed(database) == 4


def test_a_key_is_for_one_request(database, define):
    define()
    once(database, import_rows, "s", ROWS)
    with pytest.raises(IdempotencyKeyReused, match="'k'"):
        once(database, import_rows, "s", OTHER_ROWS)
    assert completed(database) == 1


def test_a_refusal_is_not_kept(database, define):
    with pytest.raises(NotFound):
        once(database, import_rows, "s", ROWS)
    define()
    assert not once(database, import_rows, "s", ROWS)[1]
    tag = studies.read(database, "s").etag
    patch, change = StudyPatch(notes="n"), Once("PATCH /v1/studies/s", "k")
    change(database, change_study.change, "s", patch, tag)
    assert change(database, change_study.change, "s", patch, tag)[1]
    with pytest.raises(StaleEtag):
        Once(change.scope, "l")(database, change_study.change, "s", StudyPatch(notes="m"), tag)


def test_a_dry_run_is_asked_again(database, define):
    define()
    dry = ROWS.model_copy(update={"dry_run": True})
    assert not once(database, import_rows, "s", dry)[1]
    assert not once(database, import_rows, "s", dry)[1]


def test_an_answer_is_kept_for_two_days(database, define):
    define()
    once(database, import_rows, "s", ROWS)
    database.clock_offset += KEPT_FOR - timedelta(seconds=1)
    assert once(database, import_rows, "s", ROWS)[1]
    database.clock_offset += timedelta(minutes=1)
    assert not once(database, import_rows, "s", ROWS)[1]


def test_what_is_answered_is_rolled_back_with_what_was_done(database, define, monkeypatch):
    define()
    record = Database._run
    broken = RuntimeError("the power went")

    def fails_at_the_end(self, engine, work, kind):
        def failing(uow):
            work(uow)
            raise broken

        return record(self, engine, failing if kind == "write" else work, kind)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_run", fails_at_the_end)
        with pytest.raises(RuntimeError, match="power"):
            once(database, import_rows, "s", ROWS)
    assert completed(database) == 0
    assert not once(database, import_rows, "s", ROWS)[1]


def test_the_secret_of_a_key_is_not_kept(database):
    request = KeyCreate(role="viewer")
    make = Once("POST /v1/projects/default/keys", "k", secret="token")
    made, _ = make(database, keys.create, "default", request)
    again, repeated = make(database, keys.create, "default", request)
    assert repeated
    assert again.token is None
    assert again == made.model_copy(update={"token": None})
    kept = database.read(lambda uow: uow.session.scalars(select(idempotency_keys.c.response)).all())
    assert len(kept) == 1
    assert made.token.rsplit("_", 1)[1] not in kept[0]


def test_keys_whose_time_is_over_are_let_go_of(database, define):
    define()
    assert once(database, import_rows, "s", ROWS)[1] is False

    def kept():
        return len(database.read(lambda uow: uow.session.scalars(select(idempotency_keys.c.key)).all()))

    forget_expired(database)
    assert kept() == 1
    database.clock_offset = KEPT_FOR + timedelta(seconds=1)
    forget_expired(database)
    assert kept() == 0


def test_many_at_once_under_one_key_do_it_once(database, define):
    define()
    answers = []

    def ask():
        while True:
            try:
                answers.append(once(database, import_rows, "s", ROWS))
            except IdempotencyInProgress:
                continue
            return

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(repeated for _, repeated in answers) == [False] + [True] * 7
    assert len({answer.model_dump_json() for answer, _ in answers}) == 1
    assert completed(database) == 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_request_that_is_under_way_is_not_waited_for(database, define):
    define()

    def meanwhile(target) -> StudyView:
        def work(uow):
            uow.studies.lock("s")
            with pytest.raises(IdempotencyInProgress, match="in a moment"):
                once(database, import_rows, "s", ROWS)
            return studies.read(database, "s")

        view: StudyView = target.write(work)
        return view

    once(database, meanwhile)
