"""The OpenAPI document against the application, with a key of every role: no 5xx, no undocumented status, one
error shape.
"""

import asyncio
import json
from pathlib import Path

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from headway.wire.access import KeyCreate
from headway_server import main
from headway_server.domain.access import ROLES, reaches
from headway_server.services import keys
from headway_server.settings import Settings, sqlite_url
from tests.api.conftest import SpreadLink

CHECKS: list[CheckFunction] = [not_a_server_error, status_code_conformance, content_type_conformance]


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """The document, an application with a study that has trials, and a key of every role."""
    path = tmp_path_factory.mktemp("openapi") / "headway.db"
    patch = pytest.MonkeyPatch()
    patch.setattr(main, "EngineLink", SpreadLink)
    app = main.create_app(Settings(database_url=sqlite_url(path)))
    with TestClient(app, raise_server_exceptions=False) as http:
        database = app.state.context.database
        for role in ROLES:
            KEYS[role] = keys.create(database, "default", KeyCreate(role=role)).token
        KEYS["everywhere"] = keys.create(database, None, KeyCreate(role="admin")).token
        KEYS["one study"] = keys.create(database, "default", KeyCreate(role="editor", study="s")).token
        http.headers["Authorization"] = f"Bearer {KEYS['editor']}"
        body = {"name": "s", "space": {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]}}
        http.post("/v1/studies", json=body)
        http.post("/v1/studies/s/trials:suggest", json={"count": 5})
        yield schemathesis.openapi.from_asgi("/openapi.json", app)
    patch.undo()


KEPT = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text())
BEFORE_THE_ROLE = {404, 413, 415, 422}
"""What is answered about a request that can't even be read, whoever sent it."""
OPERATIONS = [
    (path, verb) for path, verbs in KEPT["paths"].items() for verb in verbs if not path.endswith("/events")
]


KEYS: dict[str, str] = {}
"""By whose they are; made with the application."""
WHOSE = ("nobody", *ROLES, "one study", "admin", "everywhere")


@pytest.mark.slow
@pytest.mark.parametrize(("path", "verb"), OPERATIONS)
def test_no_request_meets_a_bug_or_an_undocumented_status(schema, path, verb):
    @settings(
        max_examples=6 if path == main.IMPORT_PATH else 24,  # whole studies take long to think up
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][verb].as_strategy(), known=st.booleans(), whose=st.sampled_from(WHOSE))
    def exchange(case, known, whose):
        if known and "study" in case.path_parameters and verb != "delete":  # the others need it
            case.path_parameters["study"] = "s"
        case.headers = {
            name: value for name, value in (case.headers or {}).items() if name != "Authorization"
        }
        headers = {} if whose == "nobody" else {"Authorization": f"Bearer {KEYS[whose]}"}
        answer = case.call_and_validate(checks=CHECKS, headers=headers)
        least = schema[path][verb].definition.raw.get("x-least-role")
        if least is None:
            return
        role = {"one study": "editor", "everywhere": "admin"}.get(whose, whose)
        if whose == "nobody":
            assert answer.status_code == 401
        elif not reaches(role, least) and answer.status_code not in BEFORE_THE_ROLE:
            assert answer.status_code == 403

    exchange()


def test_every_operation_documents_its_errors_as_problems(http):
    document = http.get("/openapi.json").json()
    operations = [
        (path, verb, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        if path.startswith("/v1")
    ]
    assert operations
    for path, verb, operation in operations:
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert {"500", "503"} <= set(errors), (path, verb)
        for answer in errors.values():
            assert list(answer["content"]) == ["application/problem+json"], (path, verb)
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_document_is_the_one_in_the_repository(http):
    """A change of the wire is seen in review: `make openapi` writes the document."""
    assert http.get("/openapi.json").json() == KEPT


def test_events_are_streamed_and_resumed(app, http, study):
    """TestClient reads whole bodies, so the stream is driven as the server would drive it."""
    from headway_server.api.events import _stream

    http.post("/v1/studies/s/trials:suggest", json={})

    async def first(count, seq):
        stream = _stream(app.state.context, "s", seq)
        return [await anext(stream) for _ in range(count)]

    hello, created, leased = asyncio.run(first(3, 0))
    assert hello.startswith(":")
    assert "event: study.created" in created
    assert "id: 2\nevent: trial.leased\n" in leased
    assert asyncio.run(first(2, 1))[1] == leased


def test_a_stream_of_an_unknown_study_is_not_found(http):
    assert http.get("/v1/studies/nope/events").status_code == 404
    assert http.get("/v1/studies/nope/events", headers={"Last-Event-ID": "3"}).status_code == 404


def test_a_last_event_id_that_is_no_number_is_refused(http, study):
    assert http.get("/v1/studies/s/events", headers={"Last-Event-ID": "abc"}).status_code == 422
