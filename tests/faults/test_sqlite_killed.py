"""A process that writes into a SQLite file is killed with −9, fifty times over."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter

import pytest

from headway.wire.space import Float, Space
from headway.wire.study import Policy, StudyDefinition
from headway_server.services import studies, trials
from tests.faults.verdict import acknowledged

KILLS = 50
LONGEST_S = 1.5


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_the_database_is_whole_and_has_what_was_acknowledged(sqlite_database, tmp_path):
    space = Space(parameters=(Float(0, 1, name="x"),))
    policy = Policy(lease_s=5, first_heartbeat_grace_s=0, max_retries=100)
    studies.create_or_get(sqlite_database, StudyDefinition(name="s", space=space, policy=policy))
    draw, log = random.Random(1), tmp_path / "acknowledged"
    argv = [sys.executable, "-m", "tests.faults.writer", sqlite_database.url, "s", str(log)]
    reached = []
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        for _ in range(KILLS):
            before = size(log)
            writer.stdin.write("\n")
            writer.stdin.flush()
            child = int(writer.stdout.readline())
            while size(log) == before:  # it is at its writes
                time.sleep(0.005)
            time.sleep(draw.uniform(0, LONGEST_S))
            os.kill(child, signal.SIGKILL)
            assert writer.stdout.readline() == "ended\n"
            reached.append(len(acknowledged(log)))
            assert_whole(sqlite_database.sqlite_path, log)
        writer.stdin.close()
    assert max(after - before for before, after in zip([0, *reached], reached, strict=False)) < 2_000
    view = studies.read(sqlite_database, "s")
    assert view.trials.completed >= reached[-1] > 10 * KILLS
    assert trials.page(sqlite_database, "s", None, 5).trials[0].number == 1


def size(log):
    return log.stat().st_size if log.exists() else 0


def assert_whole(path, log):
    """By SQLite's own word, and by what was acknowledged."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        kept = Counter(
            connection.execute(
                "SELECT number, value FROM observations JOIN trials ON trials.id = trial_id"
            ).fetchall()
        )
        (created,) = connection.execute("SELECT trials_created FROM studies").fetchone()
        last, count = connection.execute("SELECT max(number), count(*) FROM trials").fetchone()
    finally:
        connection.close()
    assert created == last == count
    assert set(kept.values()) <= {1}
    assert not set(acknowledged(log)) - set(kept)
