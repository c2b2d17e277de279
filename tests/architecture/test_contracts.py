"""The import contracts hold, and each of them would notice if it were broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

BREACHES = {
    "rooms": ("app/headway_server/domain/study.py", "import headway_server.storage.tables"),
    "engine": ("app/headway_server/engine/__init__.py", "import headway_server.storage.tables"),
    "engine-rooms": (
        "app/headway_server/engine/gp/kernel.py",
        "import headway_server.engine.search.surfaces",
    ),
    "host": ("app/headway_server/services/suggest.py", "import headway_server.engine"),
    "client": ("clients/headway/__init__.py", "import headway_server.domain.errors"),
    "wire": ("app/headway_server/domain/study.py", "import headway.cli"),
    "workers": ("workers/headway_workers/contract.py", "import headway_server.services.suggest"),
}


def lint(folder, contract):
    sources = ":".join(str(folder / root) for root in ("clients", "app", "workers"))
    return subprocess.run(
        [
            *(sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"),
            *("--contract", contract, "--no-cache"),
        ],
        cwd=folder,
        env={"PYTHONPATH": sources, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path):
    for root in ("clients", "app", "workers"):
        shutil.copytree(ROOT / root, tmp_path / root, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_noticed(copy, contract):
    clean = lint(copy, contract)
    assert clean.returncode == 0, clean.stdout
    file, breach = BREACHES[contract]
    with (copy / file).open("a") as source:
        source.write(f"\n{breach}\n")
    broken = lint(copy, contract)
    assert broken.returncode == 1, broken.stdout
    assert "BROKEN" in broken.stdout


def test_every_contract_is_tried():
    configuration = (ROOT / "pyproject.toml").read_text()
    assert configuration.count("[[tool.importlinter.contracts]]") == len(BREACHES)
    assert all(f'id = "{contract}"' in configuration for contract in BREACHES)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("headway_server.main", ("torch", "gpytorch", "botorch")),
        ("headway_server.services.engine_link", ("torch", "numpy")),
        ("headway", ("torch", "numpy", "fastapi", "sqlalchemy", "headway_server")),
        ("headway.cli.main", ("torch", "numpy", "fastapi", "sqlalchemy", "headway_server")),
    ],
)
def test_heavy_packages_stay_off_the_light_paths(module, heavy):
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
