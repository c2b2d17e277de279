"""Where the numerics run: what each setting means, and what an unusable device is told to do."""

import subprocess
import sys

import pytest

from headway_server.domain.errors import DeviceUnavailable, ValidationFailed
from headway_server.engine import Optimizer, placement
from headway_server.engine.placement import ON_DEVICE_FROM
from tests.engine.spaces import box


@pytest.fixture
def driver(monkeypatch, tmp_path):
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(placement, "DRIVERS", (str(tmp_path / "nvidiactl"),))


@pytest.fixture
def no_driver(monkeypatch, tmp_path):
    monkeypatch.setattr(placement, "DRIVERS", (str(tmp_path / "absent"),))


def torch_finds(monkeypatch, *, found):
    monkeypatch.setattr(placement, "usable", lambda: found)


def test_cpu_is_never_left(driver, monkeypatch):
    torch_finds(monkeypatch, found=True)
    assert placement.placement("cpu").at(10**6) is None


def test_auto_takes_a_device_for_large_studies(driver, monkeypatch):
    torch_finds(monkeypatch, found=True)
    auto = placement.placement("auto")
    assert (auto.at(ON_DEVICE_FROM - 1), auto.at(ON_DEVICE_FROM)) == (None, "cuda")


def test_auto_stays_where_torch_finds_no_device(driver, monkeypatch):
    torch_finds(monkeypatch, found=False)
    assert placement.placement("auto").at(10**6) is None


def test_auto_asks_torch_of_nothing_without_a_driver_or_while_studies_are_small(no_driver, monkeypatch):
    monkeypatch.setattr(placement, "usable", lambda: pytest.fail("torch was looked at"))
    assert placement.placement("auto").at(10**6) is None
    monkeypatch.setattr(placement, "has_driver", lambda: True)
    assert placement.placement("auto").at(ON_DEVICE_FROM - 1) is None


def test_cuda_is_taken_from_the_first_result_on(driver, monkeypatch):
    torch_finds(monkeypatch, found=True)
    assert placement.placement("cuda").at(1) == "cuda"


def test_cuda_without_a_driver_is_refused(no_driver):
    with pytest.raises(DeviceUnavailable, match=r"'cuda'.*no NVIDIA driver.*HEADWAY_DEVICE") as caught:
        Optimizer(box(1), device="cuda")
    assert caught.value.fields[0].pointer == "/device"


def test_cuda_that_torch_does_not_find_is_refused_with_its_version(driver, monkeypatch):
    torch_finds(monkeypatch, found=False)
    with pytest.raises(DeviceUnavailable, match=r"torch \d.*CUDA build.*HEADWAY_DEVICE"):
        Optimizer(box(1), device="cuda")


def test_another_name_is_refused(no_driver):
    with pytest.raises(ValidationFailed, match=r"'tpu'.*auto, cpu, cuda"):
        Optimizer(box(1), device="tpu")


def test_a_study_on_the_host_imports_no_torch():
    script = (
        "import sys; from headway import Float; from headway_server.domain.space import SearchSpace;"
        "from headway_server.engine import Optimizer, placement; placement.DRIVERS = ();"
        "o = Optimizer(SearchSpace.checked([Float(0, 1, name='x')]), device='auto', n_initial=4)\n"
        "for k in range(8): p = o.ask(); o.tell(p.params, k % 3)\n"
        "assert p.receipt.policy == o.strategy.name, p; assert p.receipt.device == 'cpu'\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
