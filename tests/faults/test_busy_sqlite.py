"""Three servers on one SQLite file, all busy at once: nobody is told that the database is locked."""

import subprocess
import sys
import threading
from contextlib import ExitStack

import httpx
import pytest

from headway_server.settings import sqlite_url
from tests.faults.test_cluster import free_port, logs, wait_until_ready

SERVERS, CLIENTS, TRIALS = 3, 12, 120


@pytest.mark.slow
@pytest.mark.faults
def test_no_call_meets_a_locked_database(tmp_path):
    """All three start on a file that is not there yet: they migrate it at once, too."""
    ports = [free_port() for _ in range(SERVERS)]
    url = sqlite_url(tmp_path / "headway.db")
    with ExitStack() as stack:
        for port in ports:
            argv = [sys.executable, "-m", "headway", "serve", "--port", str(port), "--database", url]
            with (tmp_path / f"server-{port}.log").open("wb") as log:
                child = subprocess.Popen(argv, stdout=log, stderr=log)
            stack.callback(child.wait)
            stack.callback(child.kill)
        for port in ports:
            wait_until_ready(port)
        space = {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]}
        study = {"name": "s", "space": space, "budget": TRIALS, "strategy": "sobol"}
        with httpx.Client() as http:
            assert http.post(f"http://127.0.0.1:{ports[0]}/v1/studies", json=study).status_code == 201
        statuses: list[int] = []
        clients = [
            threading.Thread(target=work, args=(ports[index % SERVERS], statuses)) for index in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert max(statuses) < 400, logs(tmp_path)
        trials = httpx.get(f"http://127.0.0.1:{ports[0]}/v1/studies/s").json()["trials"]
        assert trials["completed"] == TRIALS
        assert sum(trials.values()) == TRIALS


def work(port, statuses):
    """Ask, renew, write and read until the study is done, without ever asking twice."""
    base = f"http://127.0.0.1:{port}/v1/studies/s"
    with httpx.Client(timeout=60) as http:

        def post(path, body):
            answer = http.post(f"{base}/{path}", json=body)
            statuses.append(answer.status_code)
            return answer.json()

        while (given := post("trials:suggest", {}))["status"] != "done":
            for trial in given.get("trials", ()):
                token = {"lease_token": trial["lease"]["token"]}
                post(f"trials/{trial['number']}:heartbeat", token)
                post(f"trials/{trial['number']}:finish", token | {"metrics": {"value": trial["params"]["x"]}})
                statuses.append(http.get(f"{base}/trials").status_code)
