"""headway keys, and what headway serve does where there are none."""

import pytest
from click.testing import CliRunner

from headway_server.commands.keys import keys
from headway_server.commands.server import serve
from headway_server.domain.keys import Token
from headway_server.services.keyring import Keyring


@pytest.fixture
def run(sqlite_database):
    def invoke(*arguments, command=keys):
        return CliRunner().invoke(command, [*arguments, "--database", sqlite_database.url])

    return invoke


def test_a_key_is_printed_once_and_works(run, sqlite_database):
    made = run("create", "--role", "worker", "--study", "s", "--expires", "90d", "--name", "bob")
    assert made.exit_code == 0, made.output
    token = Token.parse(made.stdout.strip())
    assert "shown this once" in made.stderr
    actor = Keyring(sqlite_database).look(token)
    assert (actor.role, actor.study, actor.project_id, actor.everywhere) == ("worker", "s", 1, False)
    listed = run("list").output
    assert all(word in listed for word in (token.id, "worker", "bob", "default"))
    assert token.secret not in listed


def test_an_admins_key_is_of_the_whole_installation_unless_a_project_is_named(run, sqlite_database):
    for options, everywhere in (((), True), (("--project", "default"), False)):
        made = run("create", "--role", "admin", *options)
        actor = Keyring(sqlite_database).look(Token.parse(made.stdout.strip()))
        assert actor.everywhere is everywhere


def test_a_key_is_revoked_by_its_id_or_whole(run):
    for whole in (True, False):
        token = run("create", "--role", "viewer").stdout.strip()
        revoked = run("revoke", token if whole else token.split("_")[1])
        assert revoked.output == f"revoked {token.split('_')[1]}\n"
    assert "There is no key" in run("revoke", "nope").output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--role", "viewer", "--expires", "3x"), "say 90d, 12h or 30m"),
        (("--role", "viewer", "--expires", "0d"), "say 90d, 12h or 30m"),
        (("--role", "viewer", "--expires", "9999d"), "expires_in_s"),
        (("--role", "boss"), "boss"),
        (("--role", "viewer", "--project", "nope"), "no project 'nope'"),
        (("--role", "viewer", "--study", "a b"), "study"),
        (("--role", "admin", "--study", "s"), "could make keys without"),
    ],
)
def test_what_makes_no_sense_is_said_and_makes_no_key(run, sqlite_database, options, said):
    refused = run("create", *options)
    assert refused.exit_code != 0
    assert said in refused.output
    assert "Traceback" not in refused.output
    assert not sqlite_database.read(lambda uow: uow.keys.any())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_beyond_this_machine_no_server_starts_without_a_key(run, host):
    refused = run("--host", host, command=serve)
    assert refused.exit_code == 1
    assert "headway keys create --role admin" in refused.output


def test_a_database_that_is_away_is_a_line():
    refused = CliRunner().invoke(keys, ["list", "--database", "postgresql://nobody@127.0.0.1:1/none"])
    assert refused.exit_code == 1
    assert "Traceback" not in refused.output
