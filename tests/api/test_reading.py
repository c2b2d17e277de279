"""Plots, and the history of events, over HTTP."""

from tests.api.test_bad_input import expect

JSON = {"Accept": "application/json"}


def test_a_plot_has_an_etag(http, leased):
    token = leased["lease"]["token"]
    http.post("/v1/studies/s/trials/1:finish", json={"lease_token": token, "metrics": {"yield": 2.0}})
    first = http.get("/v1/studies/s/plots/history", params={"max_points": 5})
    assert first.json()["columns"]["best"] == [2.0]
    assert first.json()["objectives"] == [{"name": "yield", "goal": "maximize"}]
    known = {"If-None-Match": first.headers["etag"]}
    again = http.get("/v1/studies/s/plots/history", params={"max_points": 5}, headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    http.post("/v1/studies/s/trials:suggest", json={})
    assert http.get("/v1/studies/s/plots/history", params={"max_points": 5}, headers=known).status_code == 200


def test_a_plot_that_there_is_not_is_refused(http, study):
    expect(http.get("/v1/studies/s/plots/pie"), 422, "validation")
    expect(http.get("/v1/studies/s/plots/front"), 422, "validation")
    expect(http.get("/v1/studies/s/plots/history", params={"max_points": 1}), 422, "validation")
    expect(http.get("/v1/studies/nope/plots/history"), 404, "not-found")


def test_events_come_page_by_page(http, leased):
    whole = http.get("/v1/studies/s/events", headers=JSON)
    assert whole.headers["content-type"] == "application/json"
    assert whole.headers["vary"] == "Accept"
    events = whole.json()["events"]
    assert [event["type"] for event in events] == ["study.created", "trial.leased"]
    assert [event["seq"] for event in events] == [1, 2]
    assert (events[1]["trial"], events[1]["data"]["worker"]) == (1, "w")
    assert whole.json()["next_cursor"] is None
    first = http.get("/v1/studies/s/events", params={"limit": 1}, headers=JSON).json()
    assert (first["events"], first["next_cursor"]) == (events[:1], "1")
    rest = http.get("/v1/studies/s/events", params={"cursor": "1"}, headers=JSON).json()
    assert (rest["events"], rest["next_cursor"]) == (events[1:], None)


def test_only_the_number_of_an_event_is_a_cursor(http, study):
    for cursor in ("x", "-1", "1" * 19, "²"):
        answer = http.get("/v1/studies/s/events", params={"cursor": cursor}, headers=JSON)
        expect(answer, 422, "invalid-cursor")
    expect(http.get("/v1/studies/nope/events", headers=JSON), 404, "not-found")


def test_a_trial_is_explained(http, leased):
    told = http.post("/v1/studies/s/model:explain", json={"trial": 1}).json()
    assert told["params"] == leased["params"]
    assert told["receipt"]["policy"] == "spread"
    assert told["score"]["acquisition"] == "log-ei"
    expect(http.post("/v1/studies/s/model:explain", json={}), 422, "validation")
    expect(http.post("/v1/studies/s/model:explain", json={"trial": 9}), 404, "not-found")
    unknown = http.post("/v1/studies/s/model:explain", json={"params": {"z": 1}})
    assert unknown.status_code == 422
