"""A study's search space over HTTP: versions, preconditions, and what an answer says."""

import pytest

SPACE = {
    "parameters": [
        {"name": "x", "type": "float", "low": 0, "high": 2},
        {"name": "solvent", "type": "categorical", "choices": ["THF"]},
    ]
}
URL = "/v1/studies/s/space"


@pytest.fixture
def measured(http, study):
    rows = [
        {"params": {"x": 0.5, "solvent": solvent}, "metrics": {"yield": 3}} for solvent in ("MeCN", "THF")
    ]
    assert http.post("/v1/studies/s/observations:batch", json={"rows": rows}).json()["imported"] == 2


def test_a_put_makes_the_next_version_under_the_etag_that_was_read(http, measured):
    seen = http.get(URL)
    answer = http.put(URL, json={"space": SPACE}, headers={"If-Match": seen.headers["ETag"]})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert answer.json()["data"] == {
        "usable": 1,
        "outside": 0,
        "set_aside": 1,
        "why": [{"trial": 1, "why": "solvent = 'MeCN' has no place: the space takes one of 'THF'."}],
    }
    assert answer.headers["ETag"] == http.get(URL).headers["ETag"] == answer.json()["etag"]
    assert http.get(URL, params={"version": 1}).json()["space"]["parameters"][0]["high"] == 1
    assert http.get(URL, params={"version": 7}).status_code == 404
    given = http.post("/v1/studies/s/trials:suggest", json={}).json()["trials"][0]
    assert (given["space_version"], given["params"]["solvent"]) == (2, "THF")
    assert http.get("/studies/s").status_code == 200
    assert http.get("/v1/audit").json()["entries"][1]["type"] == "space.changed"


def test_a_put_says_what_it_has_seen(http, measured):
    bare = http.put(URL, json={"space": SPACE})
    assert (bare.status_code, bare.json()["code"]) == (428, "precondition-required")
    stale = http.put(URL, json={"space": SPACE}, headers={"If-Match": '"old"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale-etag")
    assert http.get(URL).json()["version"] == 1


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"space": {"parameters": []}}, "invalid-space", "/space/parameters"),
        ({"space": SPACE, "defaults": {"q": 1}}, "unknown-parameter", "/defaults/q"),
        ({"parameters": []}, "validation", "/space"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused_by_name(http, measured, body, code, pointer):
    refused = http.put(URL, json=body, headers={"If-Match": "*"})
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert refused.json()["errors"][0]["pointer"] == pointer


def test_a_result_outside_the_space_is_kept_and_says_so(http, leased):
    body = {
        "lease_token": leased["lease"]["token"],
        "metrics": {"yield": 1},
        "params_as_run": {"x": 1.5, "solvent": "water"},
    }
    answer = http.post("/v1/studies/s/trials/1:finish", json=body).json()
    assert [said[:1] for said in answer["outside"]] == ["x", "s"]
    assert "water" in answer["set_aside"]
    seen = http.get("/v1/studies/s/trials/1").json()["observations"][0]
    assert seen["outside"] == answer["outside"]
