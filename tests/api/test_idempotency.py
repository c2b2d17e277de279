"""Idempotency-Key over HTTP, at every route that takes one."""

import pytest

from headway_server.api.access import least_roles
from headway_server.storage.kept_responses import KeptResponseRepository
from tests.api.test_bad_input import expect

NATURALLY = {
    *("/trials:suggest", "/trials/{number}:finish", "/trials/{number}:heartbeat"),
    *("/trials/{number}/measurements", "/model:predict", "/model:explain"),
}
"""The end of the path of those that keep a key in their own way, or whose repeat is the same by itself."""

ROW = {"params": {"x": 0.5, "solvent": "THF"}, "metrics": {"yield": 1}}


def twice(http, method, path, body, **headers):
    """The same request under one key, twice."""
    headers |= {"Idempotency-Key": "k"}
    first = http.request(method, path, json=body, headers=headers)
    assert first.is_success, first.text
    assert "idempotency-replayed" not in first.headers
    return first, http.request(method, path, json=body, headers=headers)


def assert_replayed(first, again):
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    for header in ("location", "etag"):
        assert again.headers.get(header) == first.headers.get(header)


def test_a_created_study_is_created_again_in_words_only(http):
    body = {"name": "t", "space": {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]}}
    first, again = twice(http, "POST", "/v1/studies", body)
    assert first.status_code == 201
    assert_replayed(first, again)


def test_rows_without_a_name_are_imported_once(http, study):
    assert_replayed(*twice(http, "POST", "/v1/studies/s/observations:batch", {"rows": [ROW]}))
    assert http.get("/v1/studies/s").json()["trials"]["completed"] == 1


def test_a_point_is_given_back_once(http, study, leased):
    token = {"lease_token": leased["lease"]["token"]}
    assert_replayed(*twice(http, "POST", "/v1/studies/s/trials/1:release", token))


def test_a_study_is_changed_once(http, study):
    first, again = twice(http, "PATCH", "/v1/studies/s", {"state": "paused"}, **{"If-Match": "*"})
    assert_replayed(first, again)
    http.patch("/v1/studies/s", json={"state": "running"}, headers={"If-Match": "*"})
    headers = {"If-Match": "*", "Idempotency-Key": "k"}
    assert http.patch("/v1/studies/s", json={"state": "paused"}, headers=headers).json()["state"] == "paused"
    assert http.get("/v1/studies/s").json()["state"] == "running"


def test_a_study_is_taken_in_once(http, study):
    archive = http.get("/v1/studies/s/export").json()
    assert_replayed(*twice(http, "POST", "/v1/studies:import?name=copy", archive))


def test_a_project_is_made_and_changed_once(http):
    assert_replayed(*twice(http, "POST", "/v1/projects", {"name": "p"}))
    assert_replayed(*twice(http, "PATCH", "/v1/projects/p", {"notes": "n"}))


def test_a_key_is_made_once_and_its_secret_shown_once(http):
    first, again = twice(http, "POST", "/v1/projects/default/keys", {"role": "viewer"})
    assert first.json()["token"].startswith("hw_")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.status_code == 201
    assert again.json() == first.json() | {"token": None}
    http.headers["Authorization"] = f"Bearer {first.json()['token']}"
    assert http.get("/v1/studies").status_code == 200


def test_the_same_key_for_another_body_is_refused(http, study):
    twice(http, "POST", "/v1/studies/s/observations:batch", {"rows": [ROW]})
    other = http.post(
        "/v1/studies/s/observations:batch", json={"rows": [ROW, ROW]}, headers={"Idempotency-Key": "k"}
    )
    expect(other, 422, "idempotency-key-reused")


def test_a_request_that_is_under_way_is_a_conflict_that_says_when_to_ask_again(http, monkeypatch):
    monkeypatch.setattr(KeptResponseRepository, "claim", lambda *_: False)
    answer = http.post("/v1/projects", json={"name": "p"}, headers={"Idempotency-Key": "k"})
    assert expect(answer, 409, "idempotency-in-progress")["retryable"]
    assert answer.headers["retry-after"] == "1"
    assert http.get("/v1/projects/p").status_code == 404


@pytest.mark.parametrize("key", ["", "k" * 129])
def test_a_key_of_no_length_or_too_much_is_refused(http, key):
    answer = http.post("/v1/projects", json={"name": "p"}, headers={"Idempotency-Key": key})
    expect(answer, 422, "validation")


def test_every_route_that_changes_something_takes_a_key(app):
    document = app.openapi()
    changing = {
        (route.path, method.lower())
        for route in least_roles(app)
        for method in route.methods & {"POST", "PATCH"}
        if route.path.startswith("/v1") and not any(route.path.endswith(end) for end in NATURALLY)
    }
    keyed = {
        (path, method)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "idempotency-key" in [one["name"].lower() for one in operation.get("parameters", ())]
    }
    assert len(changing) >= 7
    assert changing <= keyed
