"""The device that the settings name: read, checked at the start, passed to the engine's process."""

import pydantic
import pytest
import torch
from click.testing import CliRunner
from fastapi.testclient import TestClient

from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.commands.server import serve
from headway_server.domain.errors import DeviceUnavailable
from headway_server.engine.placement import has_driver
from headway_server.main import create_app
from headway_server.services import device as device_module
from headway_server.services.device import require_device
from headway_server.services.engine_host import EngineHost
from headway_server.services.finish import finish
from headway_server.services.suggest import suggest
from headway_server.settings import Settings
from headway_server.storage.schema import migrate

with_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
without_cuda = pytest.mark.skipif(has_driver(), reason="this machine has an NVIDIA driver")


def test_the_setting_is_read_and_checked(monkeypatch):
    assert Settings().device == "auto"
    monkeypatch.setenv("HEADWAY_DEVICE", "cpu")
    assert Settings().device == "cpu"
    monkeypatch.setenv("HEADWAY_DEVICE", "tpu")
    with pytest.raises(pydantic.ValidationError, match=r"device\n.*'auto', 'cpu' or 'cuda'.*'tpu'"):
        Settings()


def test_nothing_is_looked_for_where_nothing_is_required(monkeypatch):
    monkeypatch.setattr(device_module, "CHECK", "raise SystemExit(1)")
    require_device.cache_clear()
    require_device("auto")
    require_device("cpu")


@without_cuda
def test_the_server_does_not_start_on_a_device_that_is_not_there(sqlite_database):
    migrate(sqlite_database)
    app = create_app(Settings(database_url=sqlite_database.url, device="cuda"))
    with (
        pytest.raises(DeviceUnavailable, match=r"'cuda'.*no NVIDIA driver.*HEADWAY_DEVICE"),
        TestClient(app),
    ):
        pass


def test_the_command_says_why(sqlite_database, monkeypatch):
    migrate(sqlite_database)
    monkeypatch.setattr(device_module, "CHECK", "raise SystemExit('There is no such device.')")
    require_device.cache_clear()
    monkeypatch.setenv("HEADWAY_DEVICE", "cuda")
    done = CliRunner().invoke(serve, ["--database", sqlite_database.url])
    assert done.exit_code == 1
    assert "headway serve: There is no such device." in done.output


@pytest.fixture
def database(sqlite_database):
    return sqlite_database


@without_cuda
def test_the_host_computes_where_it_is_told(database, define):
    define()
    host = EngineHost(database, "cuda")
    with pytest.raises(DeviceUnavailable):
        host.points("s", [1])
    host.close()


@with_cuda
def test_a_study_lives_on_the_gpu(database, define):
    define(budget=20)
    host = EngineHost(database, "cuda")
    receipts = []
    for _ in range(12):
        (trial,) = suggest(database, host, "s", SuggestRequest()).response.trials
        host.start_fits()
        value = (trial.params["x"] - 0.3) ** 2
        done = FinishRequest(lease_token=trial.lease.token, metrics={"value": value})
        finish(database, "s", trial.number, done)
        receipts.append(trial.origin)
    host.wait_for_fits()
    host.close()
    assert receipts[-1].n_observed == 11
    assert receipts[-1].device == "cuda"
