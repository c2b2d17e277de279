"""Exports and imports over HTTP: formats, ETags, limits."""

import io
import json

import pytest
from fastapi.testclient import TestClient

from headway_server import main
from headway_server.settings import Settings, sqlite_url
from tests.api.test_bad_input import expect

EXPORT = "/v1/studies/s/export"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/html, application/x-ndjson;q=0.5, text/csv;q=0.1", "application/x-ndjson"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
    ],
)
def test_accept_chooses_the_format(http, leased, accept, media_type):
    answer = http.get(EXPORT, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.content


def test_a_format_that_there_is_not_is_refused(http, leased, monkeypatch):
    expect(http.get(EXPORT, headers={"Accept": "image/png, text/csv;q=0"}), 406, "not-acceptable")
    expect(http.get(EXPORT, params={"format": "xlsx"}), 422, "validation")
    monkeypatch.setattr("headway_server.services.parquet.find_spec", lambda _name: None)
    assert (
        "pip install"
        in expect(http.get(EXPORT, params={"format": "parquet"}), 406, "not-acceptable")["detail"]
    )


def test_an_etag_saves_the_way(http, leased):
    first = http.get(EXPORT, params={"format": "csv"})
    known = {"If-None-Match": first.headers["etag"]}
    again = http.get(EXPORT, params={"format": "csv"}, headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    http.post("/v1/studies/s/trials/1:heartbeat", json={"lease_token": leased["lease"]["token"]})
    assert http.get(EXPORT, params={"format": "csv"}, headers=known).status_code == 200


def test_an_export_is_imported_under_another_name(http, leased):
    document = http.get(EXPORT).content
    made = http.post("/v1/studies:import", params={"name": "copy"}, content=document)
    assert (made.status_code, made.headers["location"]) == (201, "/v1/studies/copy")
    assert http.post("/v1/studies:import", params={"name": "copy"}, content=document).status_code == 200
    assert http.get("/v1/studies/copy/export").content == document.replace(b'"name":"s"', b'"name":"copy"', 1)
    assert leased["lease"]["token"].encode() not in document
    assert http.post("/v1/studies:import", content=document).status_code == 200
    body = {"lease_token": leased["lease"]["token"], "metrics": {"yield": 1}}
    expect(http.post("/v1/studies/copy/trials/1:finish", json=body), 409, "unknown-lease")


def test_a_document_that_was_changed_is_refused(http, leased):
    document = json.loads(http.get(EXPORT).content)
    document["study"]["definition"]["name"] = "other"
    document["trials"][0]["number"] = 2
    problem = expect(http.post("/v1/studies:import", json=document), 422, "invalid-archive")
    assert problem["errors"][0]["pointer"] == "/trials/0/number"
    document["trials"][0]["extra"] = 2
    expect(http.post("/v1/studies:import", json=document), 422, "validation")
    assert http.get("/v1/studies/other").status_code == 404


def test_imports_have_a_limit_of_their_own(http, tmp_path):
    settings = Settings(
        database_url=sqlite_url(tmp_path / "other.db"), max_body_bytes=1024, max_import_bytes=2048
    )
    with TestClient(main.create_app(settings, access="open")) as other:
        body = b'{"format": "' + b"x" * 1500 + b'"}'
        expect(other.post("/v1/studies:import", content=body), 422, "validation")
        expect(other.post("/v1/studies", content=body), 413, "payload-too-large")
        expect(other.post("/v1/studies:import", content=body * 2), 413, "payload-too-large")


def test_rows_are_imported_over_http(http, study):
    rows = [
        {"params": {"x": 0.5, "solvent": "THF"}, "metrics": {"yield": 3}, "client_id": "a"},
        {"params": {"x": 5, "solvent": "THF"}, "metrics": {"yield": 3}},
    ]
    answer = http.post("/v1/studies/s/observations:batch", json={"rows": rows}).json()
    assert (answer["imported"], answer["refused"]) == (1, 1)
    assert answer["rows"][1]["problem"]["errors"][0]["pointer"] == "/rows/1/params/x"
    csv = http.get(EXPORT, params={"format": "csv"}).text.splitlines()
    assert csv[0].startswith("number,state,value,std_error,excluded,params.x,params.solvent,")
    assert csv[1].startswith("1,completed,3.0,,false,0.5,THF,1,import,,a,")


def test_parquet_can_be_read(http, leased):
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(http.get(EXPORT, params={"format": "parquet"}).content))
    assert table["params.solvent"].to_pylist() == ["MeCN"]
