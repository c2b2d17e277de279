"""Rates over HTTP: one a key and kind of request."""

import shutil

import pytest
from fastapi.testclient import TestClient

from headway.wire.access import KeyCreate
from headway_server import main
from headway_server.api.rates import BURST_S, bucket_of
from headway_server.domain.access import COMMAND_LINE
from headway_server.services import keys
from headway_server.settings import Settings, sqlite_url
from headway_server.storage.database import Database
from tests.api.conftest import SpreadLink
from tests.api.test_bad_input import expect


@pytest.fixture
def limited(tmp_path, migrated_sqlite, monkeypatch):
    """A server with small rates, and two keys for it: bursts of 1 suggest, 1 heartbeat, 2 reads and 10
    writes; results have no rate at all.
    """
    monkeypatch.setattr(main, "EngineLink", SpreadLink)
    url = sqlite_url(shutil.copy(migrated_sqlite, tmp_path / "rates.db"))
    database = Database(url).acting(COMMAND_LINE)
    made = [keys.create(database, "default", KeyCreate(role="admin")).token for _ in range(2)]
    database.dispose()
    slow = 0.001 / BURST_S
    settings = Settings(
        database_url=url,
        suggests_per_s=slow,
        reads_per_s=0.2,
        writes_per_s=1.0,
        heartbeats_per_s=slow,
        finishes_per_s=0,
    )
    with TestClient(main.create_app(settings), raise_server_exceptions=False) as client:

        def ask(method, path, key=0, **more):
            more.setdefault("headers", {"Authorization": f"Bearer {made[key]}"})
            return client.request(method, path, **more)

        yield ask


STUDY = {"name": "s", "space": {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]}}


def test_a_kind_that_is_used_up_leaves_the_others_alone(limited):
    first = limited("POST", "/v1/studies", json=STUDY)
    assert first.headers["RateLimit-Policy"] == '"write";q=10;w=10'
    assert first.headers["RateLimit"] == '"write";r=9;t=1'
    given = limited("POST", "/v1/studies/s/trials:suggest", json={}).json()["trials"][0]
    refused = limited("POST", "/v1/studies/s/trials:suggest", content=b"not even read")
    problem = expect(refused, 429, "rate-limited")
    assert problem["retryable"] is True
    wait_s = int(refused.headers["Retry-After"])
    assert 9_900 <= wait_s <= 10_000
    assert f"Ask again in {wait_s} s" in problem["detail"]
    assert "HEADWAY_SUGGESTS_PER_S" in problem["detail"]
    assert refused.headers["RateLimit"].startswith('"suggest";r=0;t=')
    token = {"lease_token": given["lease"]["token"]}
    assert limited("POST", "/v1/studies/s/trials/1:heartbeat", json=token).status_code == 200
    assert limited("POST", "/v1/studies/s/trials/1:heartbeat", json=token).status_code == 429
    done = limited("POST", "/v1/studies/s/trials/1:finish", json=token | {"metrics": {"value": 1.0}})
    assert done.status_code == 200
    assert "RateLimit" not in done.headers
    assert [limited("GET", "/v1/studies").status_code for _ in range(3)] == [200, 200, 429]
    assert limited("GET", "/v1/studies", key=1).status_code == 200


def test_a_key_that_lets_nobody_in_costs_nobody_anything(limited):
    for _ in range(5):
        wrong = limited("GET", "/v1/studies", headers={"Authorization": "Bearer hw_nonsense"})
        assert wrong.status_code == 401
    assert limited("GET", "/v1/studies").status_code == 200


def test_the_limits_are_published(limited):
    limits = limited("GET", "/v1/limits").json()
    assert limits["count"] == 64
    assert limits["parameters"] == 200
    assert limits["objectives"] == 8
    assert limits["body_bytes"] == 8 * 1024 * 1024
    assert limits["rates"]["read"] == {"per_s": 0.2, "burst": 2}
    assert "finish" not in limits["rates"]


def test_where_no_key_is_asked_for_there_are_no_rates(http):
    answer = http.get("/v1/limits")
    assert answer.json()["rates"] == {}
    assert "RateLimit" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "bucket"),
    [
        ("POST", "/v1/studies/s/trials:suggest", "suggest"),
        ("POST", "/v1/studies/s/trials/3:finish", "finish"),
        ("POST", "/v1/studies/s/trials/3:release", "finish"),
        ("POST", "/v1/studies/s/trials/3:heartbeat", "heartbeat"),
        ("POST", "/v1/studies/s/trials/3/measurements", "measurement"),
        ("GET", "/v1/studies/s/trials:suggest", "read"),
        ("HEAD", "/v1/studies", "read"),
        ("PATCH", "/v1/studies/s", "write"),
        ("POST", "/v1/studies/s/observations:batch", "write"),
    ],
)
def test_the_kind_of_a_request_is_in_its_verb(method, path, bucket):
    assert bucket_of(method, path) == bucket
