"""Whom a key lets in: remembered for seconds, exact about an expiry, and never by a wrong secret."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.wire.access import KeyCreate
from headway_server.domain.access import COMMAND_LINE, ROLES, reaches
from headway_server.domain.errors import (
    DatabaseUnavailable,
    NotFound,
    OutOfScope,
    Unauthenticated,
    ValidationFailed,
)
from headway_server.domain.keys import Token
from headway_server.services import keys
from headway_server.services.keyring import MOST, REMEMBERED_S, Keyring


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keyring(database, clock):
    return Keyring(database, clock)


@pytest.fixture
def make(database):
    def create(role="worker", **fields):
        asked = KeyCreate(role=role, **fields)
        return Token.parse(keys.create(database.acting(COMMAND_LINE), "default", asked).token)

    return create


def test_a_key_lets_in_its_role_and_study(keyring, make):
    actor = keyring.look(make("editor", study="s"))
    assert (actor.role, actor.project_id, actor.study, actor.everywhere) == ("editor", 1, "s", False)


def test_what_is_stored_does_not_hold_the_secret(database, make):
    token = make()
    stored = database.read(lambda uow: uow.keys.find(token.id))
    assert token.secret not in str(vars(stored))


def test_a_second_request_asks_no_database(keyring, make, database, monkeypatch):
    token = make()
    first = keyring.look(token)
    monkeypatch.setattr(database, "read", None)
    assert keyring.recall(token) == first


def test_a_wrong_secret_is_refused_also_while_the_key_is_remembered(keyring, make):
    token = make()
    keyring.look(token)
    for ask in (keyring.recall, keyring.look):
        with pytest.raises(Unauthenticated, match="not known"):
            ask(Token(token.id, "x" * 43))


def test_a_key_that_is_revoked_elsewhere_is_refused_within_seconds(database, keyring, make, clock):
    token = make()
    keyring.look(token)
    keys.revoke(database, "default", token.id)
    clock.now += REMEMBERED_S
    assert keyring.recall(token) is None
    with pytest.raises(Unauthenticated, match="revoked"):
        keyring.look(token)


def test_a_key_expires_on_time_although_it_is_remembered(keyring, make, clock):
    token = make(expires_in_s=2)
    keyring.look(token)
    clock.now += 1.5
    assert keyring.recall(token)
    clock.now += 0.6
    with pytest.raises(Unauthenticated, match="expired"):
        keyring.recall(token)


def test_a_clock_that_is_days_off_makes_no_difference(database, keyring, make):
    token = make(expires_in_s=3600)
    assert keyring.look(token)
    database.clock_offset = timedelta(hours=2)
    with pytest.raises(Unauthenticated, match="expired"):
        keyring.look(token)


def test_the_last_use_is_noted_once_a_minute(database, keyring, make):
    token = make()

    def used():
        return database.read(lambda uow: uow.keys.find(token.id).last_used_at)

    assert used() is None
    keyring.look(token)
    first = used()
    keyring.look(token)
    assert used() == first
    database.clock_offset = timedelta(minutes=2)
    keyring.look(token)
    assert used() > first


def test_a_request_is_answered_although_its_use_can_not_be_noted(database, keyring, make, monkeypatch):
    token = make()

    def away(work):
        raise DatabaseUnavailable("It is busy.")

    monkeypatch.setattr(database, "write", away)
    assert keyring.look(token).role == "worker"


def test_strangers_do_not_fill_the_memory(keyring, make, monkeypatch):
    monkeypatch.setattr("headway_server.services.keyring.MOST", 3)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            keyring.look(Token.new())
    assert len(keyring._known) == 3
    assert MOST > 3


def test_revoking_the_last_key_does_not_open_the_server(database, keyring, make, clock):
    assert not keyring.any_key()
    token = make()
    assert not keyring.any_key()  # as of a moment ago
    clock.now += REMEMBERED_S
    assert keyring.any_key()
    keys.revoke(database, "default", token.id)
    assert Keyring(database).any_key()


def test_a_session_stands_for_its_key_and_ends_with_it(database, keyring, make, clock):
    token = make("viewer")
    cookie = keyring.sign_in(token)
    assert keyring.look_up_session(cookie) == keyring.recall_session(cookie) == keyring.look(token)
    keys.revoke(database, "default", token.id)
    clock.now += REMEMBERED_S
    with pytest.raises(Unauthenticated, match="revoked"):
        keyring.look_up_session(cookie)


def test_a_session_ends_when_one_signs_out_and_after_its_time(database, keyring, make, clock):
    cookie = keyring.sign_in(make())
    keyring.look_up_session(cookie)
    keyring.sign_out(cookie)
    with pytest.raises(Unauthenticated, match="Sign in again"):
        keyring.look_up_session(cookie)
    other = keyring.sign_in(make())
    database.clock_offset = timedelta(hours=13)
    with pytest.raises(Unauthenticated, match="expired"):
        keyring.look_up_session(other)
    keyring.sign_in(make())  # lets go of the other
    with pytest.raises(Unauthenticated, match="Sign in again"):
        Keyring(database).look_up_session(other)


def test_somebody_who_stays_is_asked_again(database, keyring, make, clock):
    token = make()
    actor = keyring.look(token)
    assert keyring.holds(actor)
    keys.revoke(database, "default", token.id)
    assert keyring.holds(actor)
    clock.now += REMEMBERED_S
    assert not keyring.holds(actor)


def test_an_admins_key_for_one_study_would_be_more_than_that(make):
    with pytest.raises(ValidationFailed, match="could make keys without"):
        make("admin", study="s")


def test_a_key_of_a_project_reaches_no_further(database, keyring, make):
    admin = database.acting(keyring.look(make("admin")))
    for breach in (
        lambda: keys.create(admin, None, KeyCreate(role="admin")),
        lambda: keys.page(admin, None, None, 10),
        lambda: keys.revoke(admin, None, "x"),
    ):
        with pytest.raises(OutOfScope, match="whole installation"):
            breach()
    assert keys.read(admin, "default", admin.actor.name).role == "admin"
    with pytest.raises(NotFound):
        keys.revoke(admin, "default", "000000000000")


def test_keys_are_listed_page_by_page(database, make):
    made = [make().id for _ in range(5)]
    first = keys.page(database, "default", None, 3)
    rest = keys.page(database, None, first.next_cursor, 3)
    assert [key.id for key in (*first.keys, *rest.keys)] == made
    assert rest.next_cursor is None


@given(st.text())
def test_what_is_no_token_is_none(text):
    token = Token.parse(text)
    assert token is None or str(token) == text


def test_a_token_survives_being_written_down():
    for _ in range(200):
        token = Token.new()
        assert Token.parse(str(token)) == token


def test_each_role_reaches_those_before_it():
    assert [[reaches(role, least) for least in ROLES] for role in ROLES] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]
