"""PATCH of a study and its preconditions over HTTP."""


def test_a_study_is_paused_under_the_etag_that_was_read(http, study):
    etag = http.get("/v1/studies/s").headers["ETag"]
    paused = http.patch("/v1/studies/s", json={"state": "paused"}, headers={"If-Match": etag})
    assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    assert (
        paused.headers["ETag"] == paused.json()["etag"] == http.get("/v1/studies/s").headers["ETag"] != etag
    )
    assert http.post("/v1/studies/s/trials:suggest", json={}).json()["reason"] == "paused"


def test_a_change_says_what_it_has_seen(http, study):
    bare = http.patch("/v1/studies/s", json={"state": "paused"})
    assert (bare.status_code, bare.json()["code"]) == (428, "precondition-required")
    stale = http.patch("/v1/studies/s", json={"state": "paused"}, headers={"If-Match": '"old"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale-etag")
    assert http.get("/v1/studies/s").json()["state"] == "running"


def test_a_change_that_makes_no_sense_is_refused_by_name(http, leased):
    for body, pointer in (({"state": "open"}, "/state"), ({"budget": 0}, "/budget"), ({"seed": 1}, "/seed")):
        refused = http.patch("/v1/studies/s", json=body, headers={"If-Match": "*"})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
