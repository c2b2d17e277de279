"""A slow import delays nobody but those who need it, and those only so long."""

import importlib
import sys
import threading
from types import SimpleNamespace

import pytest

from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.services import background_import
from headway_server.services.background_import import BackgroundImport
from headway_server.services.engine_host import EngineHost
from headway_server.services.finish import finish
from headway_server.services.suggest import suggest


@pytest.fixture
def database(sqlite_database):
    return sqlite_database


@pytest.fixture
def slow(monkeypatch):
    """An import that goes on until the event is set; nobody waits for it."""
    done, imported = threading.Event(), []

    def import_module(name):
        imported.append(name)
        assert done.wait(60)
        return importlib.import_module(name)

    monkeypatch.setattr(background_import, "importlib", SimpleNamespace(import_module=import_module))
    monkeypatch.setattr(background_import, "PATIENCE_S", 0.0)
    yield done, imported
    done.set()


def work(database, host, trials):
    receipts = []
    for _ in range(trials):
        (trial,) = suggest(database, host, "s", SuggestRequest()).response.trials
        result = FinishRequest(lease_token=trial.lease.token, metrics={"value": trial.params["x"] ** 2})
        finish(database, "s", trial.number, result)
        receipts.append(trial.origin)
    return receipts


def test_a_study_of_botorch_starts_and_says_while_it_is_missing(database, define, slow, monkeypatch):
    done, imported = slow
    define(strategy="qlognei", n_initial=3)
    host = EngineHost(database)
    receipts = work(database, host, 5)
    assert imported == ["headway_server.engine.boundary"]
    assert [receipt.policy for receipt in receipts] == ["sobol"] * 5
    assert [receipt.degraded for receipt in receipts] == [False] * 3 + [True] * 2
    assert "still being imported" in receipts[-1].degraded_reason
    done.set()
    monkeypatch.setattr(background_import, "PATIENCE_S", 300.0)
    (receipt,) = work(database, host, 1)
    assert (receipt.policy, receipt.degraded) == ("qlognei", False)
    host.close()


def test_other_studies_import_nothing(database, define, slow):
    define(n_initial=2)
    host = EngineHost(database)
    assert not any(receipt.degraded for receipt in work(database, host, 4))
    assert slow[1] == []
    host.close()


def test_ready_waits_for_an_import_within_the_patience(tmp_path, monkeypatch):
    (tmp_path / "rarely_imported.py").write_text("value = 3")
    monkeypatch.syspath_prepend(tmp_path)
    one = BackgroundImport("rarely_imported")
    one.start()
    one.start()
    assert one.ready()
    assert sys.modules["rarely_imported"].value == 3
