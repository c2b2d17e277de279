import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headway_workers.launch.child import Child, Command
from headway_workers.launch.crew import ChildKeepsDying, Crew

SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(60)\n"


@pytest.fixture
def module(tmp_path: Path) -> Callable[[str, str], Command]:
    def make(name: str, source: str) -> Command:
        (tmp_path / f"{name}_module.py").write_text(source)
        return Command(name, f"{name}_module", environment={"PYTHONPATH": str(tmp_path)})

    return make


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_killed_child_is_started_again_with_a_note(tmp_path, module):
    with Crew(tmp_path / "logs") as crew:
        crew.start(module("sleeper", SLEEPER))
        first = crew.pids()["sleeper"]
        os.kill(first, signal.SIGKILL)

        def again():
            crew.watch()
            return crew.pids().get("sleeper", first) != first

        until(again)
        assert crew.restarts == 1
        assert "SIGKILL" in crew.notes[0].text
        second = crew.pids()["sleeper"]
    assert not alive(second)


def test_child_that_ends_well_is_not_started_again(tmp_path, module):
    with Crew(tmp_path) as crew:
        crew.start(module("brief", "print('done')"))

        def over():
            crew.watch()
            return crew.finished(["brief"])

        until(over)
        assert crew.restarts == 0


def test_child_that_is_to_run_for_ever_is_started_again_even_after_a_good_end(tmp_path, module):
    with Crew(tmp_path) as crew:
        crew.start(module("brief", "print('done')"), for_ever=True)

        def again():
            crew.watch()
            return crew.restarts > 0

        until(again)


def test_child_that_keeps_dying_is_given_up_with_its_last_words(tmp_path, module, monkeypatch):
    monkeypatch.setattr("headway_workers.launch.crew.BACK_OFF_S", (0.0,))
    monkeypatch.setattr("headway_workers.launch.crew.GIVE_UP_AFTER", 2)

    def watch_for_ever(crew: Crew) -> None:
        while True:
            crew.watch()
            time.sleep(0.02)

    with Crew(tmp_path) as crew:
        crew.start(module("dying", "raise SystemExit('alas')"))
        with pytest.raises(ChildKeepsDying, match="alas"):
            watch_for_ever(crew)


def test_child_that_ignores_sigterm_is_killed(tmp_path, module):
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    child = Child(module("stubborn", deaf + SLEEPER), tmp_path / "log")
    until(lambda: "up" in child.last_words())
    child.terminate()
    child.wait(0.1)
    assert child.returncode == -signal.SIGKILL


def test_children_end_when_the_parent_is_killed(tmp_path, module):
    command = module("orphan", SLEEPER)
    source = (
        "import sys, time; from pathlib import Path; from headway_workers.launch.child import *\n"
        f"child = Child({command!r}, Path({str(tmp_path / 'log')!r}))\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    parent.stdout.close()
    until(lambda: (tmp_path / "log").exists() and "up" in (tmp_path / "log").read_text())
    parent.kill()
    parent.wait()
    until(lambda: not alive(pid))


def test_child_gets_one_thread(tmp_path, module):
    child = Child(module("threads", "import os; print(os.environ['OMP_NUM_THREADS'])"), tmp_path / "log")
    child.wait(15)
    assert child.last_words() == "1"
