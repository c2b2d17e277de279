import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from headway_workers import registry
from headway_workers.commands import demo, verify, worker
from headway_workers.contract import Check, DataUnavailable
from headway_workers.demo.run import database


def test_verify_prints_a_table_and_exits_0_when_all_pass(monkeypatch):
    monkeypatch.setattr(registry, "checks", lambda _: iter([Check("sum", 2.0, 2.0, 0.1)]))
    result = CliRunner().invoke(verify, ["anything"])
    assert result.exit_code == 0, result.output
    assert "pass" in result.output


def test_verify_exits_1_on_a_failure(monkeypatch):
    monkeypatch.setattr(registry, "checks", lambda _: iter([Check("sum", 2.0, 3.0, 0.1)]))
    result = CliRunner().invoke(verify, ["anything"])
    assert result.exit_code == 1
    assert "FAIL" in result.output


@pytest.mark.parametrize(
    ("command", "arguments"),
    [(verify, ["nonsense"]), (worker, ["--objective", "nonsense"]), (demo, ["--study", "nonsense"])],
)
def test_unknown_objective_is_refused_in_one_line_with_the_known_ones(command, arguments):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 1
    assert "digits-svm, image-inpainting" in result.output
    assert "Traceback" not in result.output


def test_fresh_can_not_go_with_a_server_that_runs_already():
    result = CliRunner().invoke(demo, ["--fresh", "--url", "http://127.0.0.1:1"])
    assert result.exit_code == 2


def test_fresh_takes_the_next_database_and_a_later_run_the_newest(tmp_path: Path):
    assert database(tmp_path, fresh=False).name == "demo.db"
    (tmp_path / "demo.db").touch()
    assert database(tmp_path, fresh=False).name == "demo.db"
    assert database(tmp_path, fresh=True).name == "demo-2.db"
    (tmp_path / "demo-2.db").touch()
    assert database(tmp_path, fresh=False).name == "demo-2.db"


def test_commands_are_listed_without_numpy_or_the_client():
    source = (
        "import sys, headway_workers.commands; "
        "print([m for m in ('numpy', 'sklearn', 'matplotlib', 'torch', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_missing_data_is_said_without_a_traceback(monkeypatch):
    def missing(name):
        raise DataUnavailable(f"{name} is not installed: pip install it.")

    monkeypatch.setattr(registry, "checks", missing)
    done = CliRunner().invoke(verify, ["movielens"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        1,
        "Error: movielens is not installed: pip install it.",
    )
