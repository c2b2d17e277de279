"""The application over a fresh SQLite file, with an engine that needs no model."""

import shutil

import pytest
from fastapi.testclient import TestClient

from headway_server import main
from headway_server.domain.access import SERVER
from headway_server.settings import Settings, sqlite_url
from headway_server.storage.database import Database
from tests.conftest import SpreadEngine


class SpreadLink(SpreadEngine):
    """A SpreadEngine in the place of the link to the engine's process."""

    ready = True
    restarts = 0

    def __init__(self, database_url, *, timeout_s, threads, device):
        super().__init__(Database(database_url))

    def start(self):
        """Nothing to start."""

    def within(self, project):
        return SpreadEngine(self._database.acting(SERVER.within(project)))

    def close(self):
        self._database.dispose()


@pytest.fixture
def app(tmp_path, migrated_sqlite, monkeypatch):
    monkeypatch.setattr(main, "EngineLink", SpreadLink)
    path = shutil.copy(migrated_sqlite, tmp_path / "api.db")
    settings = Settings(database_url=sqlite_url(path), max_body_bytes=100_000, events_poll_ms=20)
    return main.create_app(settings, access="open")


@pytest.fixture
def http(app):
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def study(http):
    """A study `s` with parameters x in [0, 1] and solvent, maximising yield, budget 5."""
    body = {
        "name": "s",
        "space": {
            "parameters": [
                {"name": "x", "type": "float", "low": 0, "high": 1},
                {"name": "solvent", "type": "categorical", "choices": ["MeCN", "THF"]},
            ]
        },
        "objectives": [{"name": "yield", "goal": "maximize"}],
        "budget": 5,
    }
    assert http.post("/v1/studies", json=body).status_code == 201
    return body


@pytest.fixture
def leased(http, study):
    """A trial of the study, handed out."""
    return http.post("/v1/studies/s/trials:suggest", json={"worker": "w"}).json()["trials"][0]
