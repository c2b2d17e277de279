"""PATCH of a trial over HTTP: its history, and who made it."""

import json

import pytest


@pytest.fixture
def finished(http, leased):
    body = {"lease_token": leased["lease"]["token"], "metrics": {"yield": 5.0}}
    assert http.post("/v1/studies/s/trials/1:finish", json=body).status_code == 200


def test_a_correction_answers_the_trial_with_its_history(http, finished):
    patch = {"metrics": {"yield": {"value": 4.0, "std_error": 0.5}}, "reason": "a typo", "tags": ["t"]}
    answer = http.patch("/v1/studies/s/trials/1", json=patch)
    assert answer.status_code == 200
    view = http.get("/v1/studies/s/trials/1").json()
    assert view == answer.json()
    (change,) = view["history"]
    assert (view["value"], view["std_error"], view["tags"]) == (4.0, 0.5, ["t"])
    assert change["was"]["metrics"]["yield"]["value"] == 5.0
    assert (change["actor"], change["reason"], change["attempt"]) == ("open", "a typo", 1)
    entry = http.get("/v1/audit").json()["entries"][0]
    assert (entry["type"], entry["trial"], entry["actor"]) == ("trial.changed", 1, "open")
    assert entry["data"]["became"]["metrics"]["yield"]["value"] == 4.0
    assert http.get("/studies/s").status_code == 200


def test_an_exclusion_leaves_the_number_and_the_budget(http, finished):
    left = http.get("/v1/studies/s").json()["budget_left"]
    patch = {"excluded": True, "reason": "the wrong bottle"}
    assert http.patch("/v1/studies/s/trials/1", json=patch).json()["excluded"] is True
    assert http.get("/v1/studies/s").json()["budget_left"] == left
    assert http.get("/v1/studies/s/best").json()["best"] is None
    assert http.get("/v1/studies/s/trials?format=columns").json()["columns"]["excluded"] == [True]
    assert http.get("/studies/s").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"metrics": {"yield": 4.0}}, "/reason"),
        ({"metrics": {"yield": float("nan")}, "reason": "r"}, "/metrics/yield"),
        ({"excluded": "maybe"}, "/excluded"),
        ({"state": "queued"}, "/state"),
        ({"tags": [""]}, "/tags/0"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(http, finished, body, pointer):
    content = json.dumps(body)
    refused = http.patch(
        "/v1/studies/s/trials/1", content=content, headers={"Content-Type": "application/json"}
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer


def test_what_has_no_value_is_not_corrected(http, leased):
    refused = http.patch("/v1/studies/s/trials/1", json={"metrics": {"yield": 1}, "reason": "r"})
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal-transition")
