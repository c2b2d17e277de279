import asyncio
import concurrent.futures
import contextlib
import sqlite3
import subprocess
import sys
from importlib.metadata import EntryPoint

import httpx
import pytest

import headway
from headway import local
from headway.errors import LocalServerFailed
from headway.local import LocalTransport


@pytest.mark.slow
def test_the_environments_key_and_project_are_not_for_a_local_server(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWAY_API_KEY", "hw_no_such")
    monkeypatch.setenv("HEADWAY_PROJECT", "elsewhere")
    with headway.Client.local(tmp_path / "scratch.db") as client:
        assert list(client.studies()) == []


def test_studies_outlive_the_client(tmp_path):
    path = tmp_path / "new" / "headway.db"
    with headway.Client.local(path) as client:
        client.create_study("kept", {"x": headway.Float(0, 1)})
    with headway.Client.local(path) as client:
        assert [view.name for view in client.studies()] == ["kept"]


def test_file_of_another_schema_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE t (a)")
    with pytest.raises(LocalServerFailed, match="headway migrate"):
        headway.Client.local(path)


def test_missing_server_is_told_with_the_line_to_install_it(monkeypatch):
    class Absent(EntryPoint):
        def load(self):
            raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")

    monkeypatch.setattr(local, "entry_points", lambda **_: [Absent("local", "x:y", "headway.apps")])
    with pytest.raises(LocalServerFailed, match=r"fastapi is missing: pip install 'headway\[server\]'"):
        headway.Client.local()


def test_missing_module_of_our_own_is_a_bug_and_stays_one(monkeypatch):
    class Broken(EntryPoint):
        def load(self):
            raise ModuleNotFoundError("No module named 'headway_server'", name="headway_server")

    monkeypatch.setattr(local, "entry_points", lambda **_: [Broken("local", "x:y", "headway.apps")])
    with pytest.raises(ModuleNotFoundError):
        headway.Client.local()


class Recorder:
    """An application that notes what it is asked, and may fail at either end of its life."""

    def __init__(self, fails_at=None):
        self.seen = []
        self.fails_at = fails_at

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.seen.append(scope["path"])
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})
            return
        for event in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{event}"
            self.seen.append(event)
            if self.fails_at == event:
                raise RuntimeError(f"{event} went wrong")
            await send({"type": f"lifespan.{event}.complete"})


def test_application_lives_from_the_first_call_to_close():
    app = Recorder()
    transport = LocalTransport(app)
    with httpx.Client(transport=transport, base_url="http://h") as http:
        assert http.get("/a").text == "hello"
    transport.close()
    assert app.seen == ["startup", "/a", "shutdown"]


def test_application_that_does_not_start_says_why():
    with pytest.raises(LocalServerFailed, match="startup went wrong"):
        LocalTransport(Recorder(fails_at="startup"))


def test_application_that_fails_at_its_end_is_let_go():
    LocalTransport(Recorder(fails_at="shutdown")).close()


def test_calls_from_several_threads_are_answered_together():
    here, both = [], asyncio.Event()

    class Meeting(Recorder):
        async def __call__(self, scope, receive, send):
            if scope["type"] == "http":
                here.append(1)
                if len(here) == 2:
                    both.set()
                await asyncio.wait_for(both.wait(), 5)
            await super().__call__(scope, receive, send)

    with (
        httpx.Client(transport=LocalTransport(Meeting()), base_url="http://h") as http,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        answers = list(pool.map(http.get, ["/a", "/b"]))
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.slow
def test_client_that_nobody_closes_does_not_keep_the_process(tmp_path):
    code = "import headway, sys; c = headway.Client.local(sys.argv[1]); print(list(c.studies()))"
    ended = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.db"],
        check=True,
        timeout=30,
        capture_output=True,
        text=True,
    )
    assert ended.stdout == "[]\n"
    assert "Traceback" not in ended.stderr
