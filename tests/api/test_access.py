"""Every route of the OpenAPI document, asked with every kind of key.

What is expected comes from the least role that the route states.
"""

import shutil
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from headway.wire.access import KeyCreate, ProjectCreate
from headway_server import main
from headway_server.api import events
from headway_server.api.access import least_roles, viewer
from headway_server.domain.access import COMMAND_LINE, ROLES, reaches
from headway_server.services import keys, projects
from headway_server.settings import Settings, sqlite_url
from headway_server.storage.database import Database
from tests.api.conftest import SpreadLink

STUDY = {
    "name": "s",
    "space": {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]},
    "budget": 50,
}
FILLED = {"study": "s", "number": "1", "name": "default", "key": "000000000000", "kind": "history"}
"""What stands for the parameters of a path."""


@pytest.fixture(scope="module")
def path(tmp_path_factory, migrated_sqlite):
    return shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("access") / "access.db")


@pytest.fixture(scope="module")
def tokens(path):
    """A key of every kind by name, for the projects `default` and `other`."""
    database = Database(sqlite_url(path)).acting(COMMAND_LINE)
    for name in ("other", "third"):
        projects.create_or_get(database, ProjectCreate(name=name))
    made = {role: keys.create(database, "default", KeyCreate(role=role)).token for role in ROLES}
    made["everywhere"] = keys.create(database, None, KeyCreate(role="admin")).token
    made["other"] = keys.create(database, "other", KeyCreate(role="admin")).token
    made["third"] = keys.create(database, "third", KeyCreate(role="editor")).token
    made["only s"] = keys.create(database, "default", KeyCreate(role="editor", study="s")).token
    made["only t"] = keys.create(database, "default", KeyCreate(role="editor", study="t")).token
    revoked = keys.create(database, "default", KeyCreate(role="admin"))
    keys.revoke(database, "default", revoked.id)
    made["revoked"] = revoked.token
    database.clock_offset = timedelta(hours=-2)  # a key that was made two hours ago, for one
    made["expired"] = keys.create(database, "default", KeyCreate(role="admin", expires_in_s=3600)).token
    database.dispose()
    made["wrong secret"] = made["admin"][:-1] + ("A" if made["admin"][-1] != "A" else "B")
    made["unknown"] = "hw_0123456789ab_" + "x" * 43
    made["malformed"] = "hw_nonsense"
    return made


@pytest.fixture(scope="module")
def app(path, tokens):
    patch = pytest.MonkeyPatch()
    patch.setattr(main, "EngineLink", SpreadLink)
    yield main.create_app(Settings(database_url=sqlite_url(path), events_poll_ms=20))
    patch.undo()


@pytest.fixture(scope="module")
def http(app, tokens):
    with TestClient(app, raise_server_exceptions=False) as client:
        bearer = {"Authorization": f"Bearer {tokens['admin']}"}
        assert client.post("/v1/studies", json=STUDY, headers=bearer).status_code == 201
        client.post("/v1/studies/s/trials:suggest", json={}, headers=bearer)
        yield client


@pytest.fixture(autouse=True)
def ending(app, http, monkeypatch):
    """Streams of events end at once: TestClient reads whole bodies."""

    async def stream(context, study, seq):
        yield ": following\n\n"

    monkeypatch.setattr(events, "_stream", stream)


def ask(http, method, path, token, **more):
    headers = {"If-Match": '"of another day"'} | (
        {} if token is None else {"Authorization": f"Bearer {token}"}
    )
    more |= {} if method.upper() in ("GET", "DELETE") else {"json": {}}
    return http.request(method, path.format(**FILLED), headers=headers, **more)


@pytest.fixture(scope="module")
def operations(http):
    document = http.get("/openapi.json").json()
    return [
        (method, path, operation.get("x-least-role"))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_states_its_least_role_and_the_document_says_so(app, operations):
    stated = {
        (method.lower(), route.path): route.role
        for route in least_roles(app)
        if route.in_document
        for method in route.methods
    }
    assert {(method, path): role for method, path, role in operations} == stated
    assert {path for _, path, role in operations if role is None} == {"/healthz", "/readyz"}


def test_a_route_that_states_none_ends_the_start(app):
    @app.get("/v1/forgotten")
    def forgotten():
        """Nothing."""

    with pytest.raises(TypeError, match="/v1/forgotten states no least role"):
        least_roles(app)
    app.router.routes.pop()
    assert least_roles(app)


def test_without_a_valid_key_nothing_but_health_is_answered(http, tokens, operations):
    for method, path, role in operations:
        for kind in (None, "revoked", "expired", "wrong secret", "unknown", "malformed"):
            answer = ask(http, method, path, kind and tokens[kind])
            if role is None:
                assert answer.status_code in (200, 503)
                continue
            assert answer.status_code == 401, (method, path, kind)
            assert answer.json()["code"] == "unauthenticated"
            challenge = answer.headers["www-authenticate"]
            assert challenge.startswith("Bearer realm=")
            assert ("invalid_token" in challenge) == (kind is not None)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_what_states_it_or_less_and_nothing_else(http, tokens, operations, role):
    for method, path, least in operations:
        if least is None:
            continue
        answer = ask(http, method, path, tokens[role])
        if reaches(role, least):
            assert answer.status_code not in (401, 500), (method, path, answer.text)
            assert answer.json()["code"] != "role-too-low" if answer.status_code == 403 else True, path
        else:
            assert answer.status_code == 403, (method, path)
            assert answer.json()["code"] == "role-too-low"
            assert f"takes the role {least!r}" in answer.json()["detail"]


def without_what_was_asked(text):
    return text.replace("nope", "s")


@pytest.mark.parametrize("kind", ["other", "only t"])
def test_what_another_key_owns_is_as_if_it_did_not_exist(http, tokens, operations, kind):
    """Another project's study, or one that the key is not for: word for word as one that is nowhere."""
    seen = 0
    for method, path, _ in operations:
        if "{study}" not in path:
            continue
        real = ask(http, method, path, tokens[kind])
        nowhere = ask(http, method, path.replace("{study}", "nope"), tokens[kind])
        assert real.status_code == nowhere.status_code, (method, path)
        assert real.text == without_what_was_asked(nowhere.text), (method, path)
        assert real.status_code in (404, 422), (method, path)
        seen += real.status_code == 404
    assert seen > 5


def test_another_projects_keys_and_the_project_itself_are_as_if_they_did_not_exist(http, tokens, operations):
    for method, path, _ in operations:
        if not path.startswith("/v1/projects/{name}"):
            continue
        body = {"json": {"role": "viewer"}} if path.endswith("/keys") and method == "post" else {}
        bearer = {"Authorization": f"Bearer {tokens['other']}"}
        if method in ("post", "patch") and not body:
            body = {"json": {}}
        real, nowhere = (
            http.request(method, path.format(name=name, key=FILLED["key"]), headers=bearer, **body)
            for name in ("default", "nope")
        )
        assert real.status_code == nowhere.status_code, (method, path)
        assert real.status_code in (403, 404)
        assert real.text.replace("default", "?") == nowhere.text.replace("default", "?").replace("nope", "?")


def test_lists_show_what_the_key_sees(http, tokens):
    def names(kind, **query):
        answer = ask(http, "get", "/v1/studies", tokens[kind], params=query)
        return [study["name"] for study in answer.json()["studies"]]

    assert names("viewer") == names("only s") == names("everywhere") == ["s"]
    assert names("other") == names("only t") == []
    assert names("everywhere", project="other") == []
    assert names("viewer", project="default") == ["s"]
    assert names("only s", cursor="s") == []


def test_two_projects_have_studies_of_the_same_name_and_nothing_else_in_common(http, tokens):
    bearer = {"Authorization": f"Bearer {tokens['third']}", "Idempotency-Key": "same"}
    assert http.post("/v1/studies", json=STUDY | {"budget": 3}, headers=bearer).status_code == 201
    mine = http.post("/v1/studies/s/trials:suggest", json={}, headers=bearer)
    assert mine.json()["trials"][0]["number"] == 1
    theirs = http.post(
        "/v1/studies/s/trials:suggest",
        json={},
        headers={"Authorization": f"Bearer {tokens['worker']}", "Idempotency-Key": "same"},
    )
    assert "Idempotency-Replayed" not in theirs.headers
    assert theirs.json()["trials"][0]["lease"] != mine.json()["trials"][0]["lease"]
    token = mine.json()["trials"][0]["lease"]["token"]
    stolen = ask(http, "post", "/v1/studies/s/trials/1:heartbeat", tokens["worker"])
    assert stolen.status_code == 422
    answer = http.post(
        "/v1/studies/s/trials/1:heartbeat",
        json={"lease_token": token},
        headers={"Authorization": f"Bearer {tokens['worker']}"},
    )
    assert answer.json()["code"] == "unknown-lease"
    seen = ask(http, "get", "/v1/studies/s", tokens["everywhere"], params={"project": "third"})
    assert seen.json()["definition"]["budget"] == 3


def test_only_a_key_of_the_installation_turns_to_another_project(http, tokens):
    for kind in ("admin", "viewer", "only s"):
        answers = [
            ask(http, "get", "/v1/studies", tokens[kind], params={"project": name})
            for name in ("other", "nope")
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text.replace("other", "nope") == answers[1].text


def test_a_worker_joins_a_study_and_makes_none(http, tokens):
    bearer = {"Authorization": f"Bearer {tokens['worker']}"}
    assert http.post("/v1/studies", json=STUDY, headers=bearer).status_code == 200
    refused = http.post("/v1/studies", json=STUDY | {"name": "new"}, headers=bearer)
    assert refused.status_code == 403
    assert "Creating the study 'new' takes the role 'editor'" in refused.json()["detail"]


def test_a_key_for_one_study_makes_no_other(http, tokens):
    bearer = {"Authorization": f"Bearer {tokens['only s']}"}
    refused = http.post("/v1/studies", json=STUDY | {"name": "new"}, headers=bearer)
    assert (refused.status_code, refused.json()["code"]) == (403, "out-of-scope")


def test_a_key_is_asked_for_before_the_body_is_read(http):
    answer = http.post("/v1/studies", content=b"{", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 401


def test_an_unknown_path_of_the_api_tells_nobody_anything(http):
    assert http.get("/v1/nothing/here").status_code == 401


def test_the_declaration_is_a_dependency_like_any_other():
    assert viewer.dependency.role == "viewer"
