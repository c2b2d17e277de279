"""Whatever a body holds, at every route that takes one: no 5xx, no traceback, and little to say about it."""

import json
import logging

import pytest
from fastapi.testclient import TestClient

from headway_server import main
from headway_server.api import problems
from headway_server.settings import Settings, sqlite_url
from tests.api.bodies import operations_with_body, places, plausible, put
from tests.api.conftest import SpreadLink

MARK = "@@here@@"
HOSTILE = {
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "beyond a double": "1e999",
    "huge integer": "9" * 400,
    "longer than Python reads": "9" * 5_000,
    "null": "null",
    "true": "true",
    "text": '"x"',
    "array": "[[]]",
    "object": '{"": {}}',
    "lone surrogate": '"\\ud800"',
    "lone surrogate as a name": '{"\\udfff": 1}',
    "NUL": '"a\\u0000b"',
    "deep arrays": "[" * 3_000 + "]" * 3_000,
    "deep objects": '{"a":' * 3_000 + "1" + "}" * 3_000,
}
MANY = {
    "objects": "[" + ",".join(["{}"] * 40_000) + "]",
    "numbers": "[" + ",".join(["1"] * 60_000) + "]",
    "members": "{" + ",".join(f'"{k}":"x"' for k in range(12_000)) + "}",
    "digits": '"' + "9" * 120_000 + '"',
}
NOT_JSON = [b"", b"{", b"\xff\xfe{\x00", b'{"a":1}}', b"'a'", b"\x00", b"[" * 100_000, b'{"a":"\xff"}']

DOCUMENT = main.create_app(Settings()).openapi()
BODIES = [pytest.param(*found, id=f"{found[1]} {found[0]}") for found in operations_with_body(DOCUMENT)]
MOST_BYTES = 8 * 1024 * 1024

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    """The application with its own limits, and a study with trials."""
    path = tmp_path_factory.mktemp("hostile") / "headway.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "EngineLink", SpreadLink)
        app = main.create_app(Settings(database_url=sqlite_url(path)), access="open")
        with TestClient(app, raise_server_exceptions=False) as client:
            body = {
                "name": "s",
                "space": {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]},
            }
            assert client.post("/v1/studies", json=body).status_code == 201
            client.post("/v1/studies/s/trials:suggest", json={"count": 3})
            yield client


@pytest.fixture
def send(http, caplog):
    """Send a body to an operation; its answer, of which everything has been checked that holds for all."""

    def call(path, method, body):
        url = path.replace("{study}", "s").replace("{number}", "1").replace("{name}", "default")
        headers = {"Content-Type": "application/json", "If-Match": "*"}
        with caplog.at_level(logging.ERROR):
            answer = http.request(method, url, content=body, headers=headers)
        assert answer.status_code < 500, answer.text[:1000]
        assert not caplog.records
        assert b"Traceback" not in answer.content
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert len(answer.content) < 100_000
        return answer

    return call


def some(found):
    """Each place, or every second, third, … of a body with very many."""
    found = list(found)
    return found[:: 1 + len(found) // 50]


@pytest.mark.parametrize(("path", "method", "schema"), BODIES)
def test_a_hostile_value_at_any_place_meets_no_bug(send, path, method, schema):
    body = plausible(schema, DOCUMENT)
    refused = 0
    for at in some(places(body)):
        text = json.dumps(put(body, at, MARK))
        for hostile in HOSTILE.values():
            refused += send(path, method, text.replace(f'"{MARK}"', hostile)).status_code >= 400
        refused += send(path, method, json.dumps(put(body, at, {"k" * 70_000: 1}))).status_code >= 400
    assert refused > 10


@pytest.mark.parametrize(("path", "method", "schema"), BODIES)
def test_many_wrong_things_are_few_faults(send, path, method, schema, monkeypatch):
    """What is told of a body, and kept in memory until then, does not grow with it."""
    found, judge = [], problems._from_validation

    def counted(error):
        found.append(len(error.errors()))
        return judge(error)

    monkeypatch.setattr(problems, "_from_validation", counted)
    body = plausible(schema, DOCUMENT)
    for at in some(places(body)):
        text = json.dumps(put(body, at, MARK))
        for many in MANY.values():
            send(path, method, text.replace(f'"{MARK}"', many))
    assert max(found) < 100


@pytest.mark.parametrize(("path", "method", "schema"), BODIES)
def test_what_is_no_json_is_said_to_be_none(send, path, method, schema):
    for body in NOT_JSON:
        assert send(path, method, body).status_code in {400, 422}


@pytest.mark.parametrize(("path", "method", "schema"), BODIES)
def test_no_more_is_read_than_the_limit(send, path, method, schema):
    """A body of 10 MB that does not say how long it is."""
    chunk, sent = b'"' + b"x" * 65_535, []

    def chunks():
        for _ in range(10 * 16):
            sent.append(len(chunk))
            yield chunk

    answer = send(path, method, chunks())
    if path == main.IMPORT_PATH:
        assert answer.status_code == 400
    else:
        assert answer.status_code == 413
    assert send(path, method, json.dumps("x" * 10_000_000)).status_code in {413, 422}
