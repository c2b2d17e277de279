"""Each peer, in its own environment where that is built, pairs results that come out of order."""

import json
import os
import subprocess

import pytest

from benchmarks.systems import PEERS, ROOT, environment, python, version

RUN = """
import sys
from benchmarks.runner import run
from benchmarks.units import Unit
print("answer", run(Unit(sys.argv[1], sys.argv[2], 4, "pareto", 0), 14).to_json())
"""


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["branin", "mixed-rosenbrock10"])
@pytest.mark.parametrize("peer", PEERS)
def test_a_peers_records_are_what_was_measured(peer, problem):
    # `run` audits them: a value under another point raises Mispaired.
    interpreter = python(environment(peer))
    if not interpreter.exists():
        pytest.skip("make bench-environments builds the peers' environments")
    command = [str(interpreter), "-c", RUN, peer, problem]
    alone = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'workers'}"}
    done = subprocess.run(
        command, cwd=ROOT, env=alone, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("answer"))
    answer = json.loads(line.removeprefix("answer "))
    assert len(answer["regret"]) == 14
    assert answer["version"] == version(peer)
