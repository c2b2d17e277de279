"""The two calls that make a worker, and everything that reads."""

import threading
import time

import pytest


def test_a_study_is_created_once_and_got_afterwards(http, study):
    again = http.post("/v1/studies", json=study)
    assert again.status_code == 200
    assert again.headers["location"] == "/v1/studies/s"
    assert http.get("/v1/studies/s").json() == again.json()
    assert again.json()["budget_left"] == 5


def test_studies_are_listed_by_name_page_by_page(http, study):
    for name in ("c", "a", "b"):
        http.post("/v1/studies", json=study | {"name": name})
    page = http.get("/v1/studies", params={"limit": 3}).json()
    assert [entry["name"] for entry in page["studies"]] == ["a", "b", "c"]
    rest = http.get("/v1/studies", params={"limit": 3, "cursor": page["next_cursor"]}).json()
    assert [entry["name"] for entry in rest["studies"]] == ["s"]
    assert rest["next_cursor"] is None


def test_a_worker_is_two_calls(http, study):
    for k in range(5):
        answer = http.post("/v1/studies/s/trials:suggest", json={})
        assert answer.status_code == 201
        (trial,) = answer.json()["trials"]
        done = http.post(
            f"/v1/studies/s/trials/{trial['number']}:finish",
            json={"lease_token": trial["lease"]["token"], "metrics": {"yield": k}},
        )
        assert done.status_code == 200
        assert done.json()["best_changed"]
    answer = http.post("/v1/studies/s/trials:suggest", json={})
    assert answer.status_code == 200
    assert answer.json()["status"] == "done"
    best = http.get("/v1/studies/s/best").json()["best"]
    assert (best["trial"], best["value"]) == (5, 4)
    assert best["posterior"]["low"] <= best["posterior"]["high"]
    convergence = http.get("/v1/studies/s/convergence").json()
    assert [point["best"] for point in convergence["points"]] == [0, 1, 2, 3, 4]
    assert convergence["objective"] == {"name": "yield", "goal": "maximize"}
    assert http.get("/v1/studies/s/model").json()["n_observed"] == 3


def test_several_objectives_give_a_front(http, study):
    body = study | {
        "name": "two",
        "objectives": [{"name": "loss"}, {"name": "gain", "goal": "maximize"}],
        "outcome_constraints": ["size <= 3"],
    }
    assert http.post("/v1/studies", json=body).status_code == 201
    assert http.post("/v1/studies", json=body).status_code == 200
    assert http.get("/v1/studies/two/best").json() == {"best": None, "front": []}
    for metrics in (
        {"loss": 1, "gain": 1, "size": 2},
        {"loss": 2, "gain": 2, "size": 3},
        {"loss": 0, "gain": 9, "size": 4},
    ):
        (trial,) = http.post("/v1/studies/two/trials:suggest", json={}).json()["trials"]
        answer = http.post(
            f"/v1/studies/two/trials/{trial['number']}:finish",
            json={"lease_token": trial["lease"]["token"], "metrics": metrics},
        )
        assert answer.status_code == 200
    best = http.get("/v1/studies/two/best").json()
    assert best["best"] is None
    assert [(one["trial"], one["metrics"]["gain"]) for one in best["front"]] == [(1, 1.0), (2, 2.0)]
    points = http.get("/v1/studies/two/convergence").json()["points"]
    assert [point["counts"] for point in points] == [True, True, False]
    assert points[0]["hypervolume"] < points[1]["hypervolume"] == points[2]["hypervolume"]
    columns = http.get("/v1/studies/two/trials", params={"format": "columns"}).json()["columns"]
    assert columns["metrics.size"] == [2.0, 3.0, 4.0]


def test_curl_without_a_content_type_of_its_own_is_a_full_citizen(http, study):
    answer = http.post(
        "/v1/studies/s/trials:suggest",
        content=b"{}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 201


def test_a_repeat_with_the_same_key_is_replayed(http, study):
    headers = {"Idempotency-Key": "k"}
    first = http.post("/v1/studies/s/trials:suggest", json={}, headers=headers)
    again = http.post("/v1/studies/s/trials:suggest", json={}, headers=headers)
    assert again.json() == first.json()
    assert again.status_code == first.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_how_long_to_wait_is_no_part_of_what_a_key_stands_for(http, study):
    headers = {"Idempotency-Key": "k"}
    first = http.post("/v1/studies/s/trials:suggest", json={"wait_ms": 100}, headers=headers)
    again = http.post("/v1/studies/s/trials:suggest", json={}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_heartbeat_says_how_long_the_lease_now_runs(http, leased):
    answer = http.post("/v1/studies/s/trials/1:heartbeat", json={"lease_token": leased["lease"]["token"]})
    assert answer.json()["action"] == "continue"
    assert answer.json()["expires_in_s"] == pytest.approx(120)


def test_trials_come_as_rows_and_as_columns(http, leased):
    rows = http.get("/v1/studies/s/trials").json()["trials"]
    assert rows[0]["state"] == "leased"
    assert rows[0]["origin"]["policy"] == "spread"
    assert rows[0] == http.get("/v1/studies/s/trials/1").json()
    columns = http.get("/v1/studies/s/trials", params={"format": "columns"}).json()["columns"]
    assert columns["number"] == [1]
    assert columns["params.solvent"] == ["MeCN"]
    assert http.get("/v1/studies/s/trials", params={"state": "completed"}).json()["trials"] == []


def test_pages_of_trials_follow_the_cursor(http, study):
    http.post("/v1/studies/s/trials:suggest", json={"count": 5})
    numbers, cursor = [], None
    while True:
        page = http.get(
            "/v1/studies/s/trials", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        numbers.append([trial["number"] for trial in page["trials"]])
        if (cursor := page["next_cursor"]) is None:
            break
    assert numbers == [[1, 2], [3, 4], [5]]


def test_a_held_suggest_answers_as_soon_as_there_is_something(http, study, leased):
    http.post("/v1/studies/s/trials:suggest", json={"count": 4})

    def release():
        time.sleep(0.05)
        http.post(
            "/v1/studies/s/trials/1:finish",
            json={"lease_token": leased["lease"]["token"], "outcome": "abandoned", "reason": "preempted"},
        )

    releasing = threading.Thread(target=release)
    started = time.monotonic()
    releasing.start()
    answer = http.post("/v1/studies/s/trials:suggest", json={"wait_ms": 20_000})
    releasing.join()
    assert answer.json()["status"] == "ok"
    assert answer.json()["trials"][0]["attempt"] == 2
    assert time.monotonic() - started < 10


def test_a_held_suggest_gives_up_in_time(http, study, leased):
    http.post("/v1/studies/s/trials:suggest", json={"count": 4})
    answer = http.post("/v1/studies/s/trials:suggest", json={"wait_ms": 30})
    assert answer.json()["status"] == "wait"


def test_predictions_come_one_a_point(http, study):
    points = [{"x": 0.5, "solvent": "THF"}, {"x": 0.1, "solvent": "MeCN"}]
    answer = http.post("/v1/studies/s/model:predict", json={"points": points})
    assert len(answer.json()["predictions"]) == 2


def test_health(http):
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {
        "status": "ready",
        "parts": {"database": True, "engine": True, "accepting": True},
    }
