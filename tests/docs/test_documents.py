"""Every code block of the README and the docs runs, against a real server."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

import headway

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

EXPERIMENT = """
def run_experiment(temperature, time, solvent):
    return 100 - abs(temperature - 80) / 2 - abs(time - 20) / 3 - 5 * (solvent == "DMF")
"""

pytestmark = pytest.mark.slow


def blocks():
    for document in DOCUMENTS:
        for number, (language, code) in enumerate(BLOCK.findall(document.read_text()), start=1):
            yield pytest.param(language, code, id=f"{document.name}-{number}-{language}")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The URL of a user's own server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    serving = subprocess.Popen(
        [sys.executable, "-m", "headway", "serve", "--port", str(port)],
        cwd=tmp_path_factory.mktemp("server"),
    )
    try:
        for _ in range(600):
            try:
                with urlopen(f"{url}/readyz"):
                    break
            except (URLError, ConnectionError):
                time.sleep(0.05)
        yield url
    finally:
        serving.terminate()
        serving.wait(20)


@pytest.fixture
def environment(server, tmp_path):
    """What a user's shell has while the server runs, with the study that the README's later blocks join, in a
    project of the test's own.
    """
    project = f"p-{uuid.uuid4().hex[:12]}"
    with headway.Client(server) as client:
        client.create_project(project)
    space = {
        "temperature": headway.Float(20, 120),
        "time": headway.Float(1, 60, log=True),
        "solvent": ["MeCN", "THF", "DMF"],
    }
    with headway.Client(server, project=project) as client:
        client.create_study("reactor-yield", space, maximize="yield", budget=20)
    return os.environ | {
        "HEADWAY_URL": server,
        "HEADWAY_PROJECT": project,
        "HEADWAY_SPOOL_DIR": str(tmp_path / "spool"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


@pytest.mark.parametrize(("language", "code"), list(blocks()))
def test_a_block_runs(environment, tmp_path, language, code):
    if language == "python":
        path = tmp_path / "block.py"
        path.write_text(EXPERIMENT + code)
        command = [sys.executable, "-W", "error", str(path)]
    elif language == "bash":
        # `make test` is what runs this test; `make demo` and the compose file have tests of their own.
        elsewhere = ("make ", "docker compose ")
        lines = [line for line in code.splitlines() if not line.startswith(elsewhere)]
        command = ["bash", "-euo", "pipefail", "-c", "\n".join(lines)]
    else:
        pytest.fail(f"a block in {language} is run by nobody")
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_the_readmes_first_command_makes_a_picture(tmp_path):
    assert "make demo" in (ROOT / "README.md").read_text()
    options = f"--directory {tmp_path} --budget 12"
    done = subprocess.run(
        ["make", "-C", str(ROOT), "demo", f"OPTIONS={options}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "digits-svm.png").read_bytes().startswith(b"\x89PNG")
    assert "best error" in done.stdout


def test_the_documents_links_lead_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), (document.name, target)


def test_the_openapi_document_is_json():
    assert json.loads((ROOT / "docs" / "openapi.json").read_text())["openapi"].startswith("3.1")
