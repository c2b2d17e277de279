"""Keys, projects and the record of changes through the client, against a server that asks for a key."""

import json
import socket
import threading
import time
from datetime import timedelta

import pytest
import uvicorn
from click.testing import CliRunner

import headway
from headway.cli.main import main
from headway.errors import NotFound, OutOfScope, ProjectConflict, RoleTooLow, Unauthenticated
from headway.wire.access import KeyCreate
from headway_server.domain.access import COMMAND_LINE
from headway_server.main import create_app
from headway_server.services import keys
from headway_server.settings import Settings, sqlite_url

SPACE = {"x": headway.Float(0, 1)}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """URL of a server that asks for a key, and an admin's key of the whole installation."""
    path = tmp_path_factory.mktemp("served") / "headway.db"
    app = create_app(Settings(database_url=sqlite_url(path)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    root = keys.create(app.state.context.database.acting(COMMAND_LINE), None, KeyCreate(role="admin"))
    yield f"http://127.0.0.1:{port}", root.token
    server.should_exit = True
    thread.join()


@pytest.fixture
def connect(served, tmp_path, monkeypatch):
    """A client with a key; without one given, the admin's."""
    monkeypatch.delenv("HEADWAY_API_KEY", raising=False)
    clients = []

    def client(token=served[1], **options):
        clients.append(
            headway.Client(served[0], token, patience_s=0, spool_directory=tmp_path / "spool", **options)
        )
        return clients[-1]

    yield client
    for one in clients:
        one.close()


def test_without_a_key_the_client_says_what_to_do(connect):
    with pytest.raises(Unauthenticated, match="HEADWAY_API_KEY"):
        list(connect(None).studies())


def test_limits_are_published_with_the_keys_own_rates(connect):
    limits = connect().limits()
    assert limits.count == 64
    assert limits.rates["heartbeat"].per_s > limits.rates["read"].per_s > 0


def test_a_project_with_its_keys_from_start_to_end(connect, name):
    admin = connect()
    project = admin.create_project(name, notes="n")
    assert admin.create_project(name, notes="n").view() == project.view()
    with pytest.raises(ProjectConflict):
        admin.create_project(name, notes="m")
    editor = project.create_key("editor", name="e", expires=timedelta(days=90))
    worker = project.create_key("worker", study="s")
    assert [key.role for key in list(project.keys())] == ["editor", "worker"]
    study = connect(editor.token).create_study("s", SPACE, budget=3)
    with pytest.raises(RoleTooLow, match="'editor'"):
        connect(worker.token).create_study("t", SPACE)
    with pytest.raises(RoleTooLow, match="'admin'"):
        list(connect(worker.token).changes())
    (trial,) = connect(worker.token).study("s").suggest()
    trial.finish(1.0)
    assert study.view().trials.completed == 1
    with pytest.raises(NotFound):
        admin.study("s").view()
    within = connect(project=name)
    assert [view.name for view in within.studies()] == ["s"]
    done = next(entry for entry in within.changes("s") if entry.type == "trial.completed")
    assert (done.actor, done.study, done.trial) == (worker.id, "s", 1)
    project.revoke_key(worker.id)
    with pytest.raises(Unauthenticated, match="revoked"):
        connect(worker.token).study("s").view()
    with pytest.raises(ProjectConflict, match="1 studies"):
        project.delete()
    assert project.change(name=f"{name}-2").name == project.name == f"{name}-2"
    empty = admin.create_project(f"{name}-3")
    with pytest.raises(OutOfScope):
        connect(project.create_key("admin").token).create_project("x")
    empty.delete()
    assert f"{name}-3" not in [view.name for view in admin.projects()]


def test_the_same_from_the_shell(served, name, tmp_path):
    def run(*arguments):
        done = CliRunner().invoke(
            main,
            [str(one) for one in arguments],
            env={"HEADWAY_URL": served[0], "HEADWAY_API_KEY": served[1], "HEADWAY_SPOOL_DIR": str(tmp_path)},
        )
        assert done.exit_code == 0, done.output
        return done.output

    assert run("projects", "create", name, "--notes", "ours").strip() == name
    assert "ours" in run("projects", "list")
    assert name in [view["name"] for view in json.loads(run("projects", "list", "--format", "json"))]
    assert run("--project", name, "studies") == "There are no studies yet.\n"
    assert "project.created" in run("--project", name, "changes")
    run("projects", "delete", name)
    newest = json.loads(run("changes", "-n", 1, "--format", "json"))
    assert (newest[0]["type"], newest[0]["data"]) == ("project.deleted", {"name": name})
