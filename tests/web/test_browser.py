"""The page in a real browser: it follows a study live, under its own content security policy."""

import shutil
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from headway.wire.access import KeyCreate
from headway_server import main
from headway_server.api.identity import COOKIE
from headway_server.domain.access import COMMAND_LINE
from headway_server.services import keys

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium"),
]


@pytest.fixture
def url(app):
    """The application on a real port."""
    with serving(app) as url:
        yield url


@contextmanager
def serving(app):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def locked_url(app, http, monkeypatch):
    """The same application where a key is asked for, and a viewer's key."""
    monkeypatch.setattr(main, "EngineLink", type(app.state.context.host))
    database = app.state.context.database.acting(COMMAND_LINE)
    token = keys.create(database, "default", KeyCreate(role="viewer")).token
    with serving(main.create_app(app.state.context.settings)) as url:
        yield url, token


@pytest.fixture
def page():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


def test_a_study_is_followed_without_reloading(url, page, tmp_path):
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with httpx.Client(base_url=url) as http:
        space = {"parameters": [{"name": "x", "type": "float", "low": 0, "high": 1}]}
        http.post("/v1/studies", json={"name": "live", "space": space, "budget": 3})
        page.goto(url)
        page.click("text=live")
        page.wait_for_selector("text=No result yet.")
        for value in (3.0, 1.0, 2.0):
            trial = http.post("/v1/studies/live/trials:suggest", json={"worker": "bench-7"}).json()["trials"][
                0
            ]
            page.wait_for_selector("#workers >> text=bench-7")
            body = {"lease_token": trial["lease"]["token"], "metrics": {"value": value}}
            http.post(f"/v1/studies/live/trials/{trial['number']}:finish", json=body)
            page.wait_for_selector("text=Nobody is at work.")
        page.wait_for_selector("h1 >> text=completed")
        assert page.locator("#incumbent circle").count() == 3
        assert page.locator(".value").inner_text() == "1"
        assert page.locator("#trials tbody tr").count() == 3
        page.screenshot(path=tmp_path / "study.png")
    assert complaints == []


def test_one_signs_in_follows_a_study_and_signs_out(locked_url, page, study, http):
    url, token = locked_url
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{url}/studies/s")
    page.fill("#key", token)
    page.click("form.sign-in button")
    page.wait_for_selector("text=No result yet.")
    assert page.url == f"{url}/studies/s"
    assert COOKIE not in page.evaluate("document.cookie")
    trial = http.post("/v1/studies/s/trials:suggest", json={"worker": "bench-7"}).json()["trials"][0]
    page.wait_for_selector("#workers >> text=bench-7")  # the stream of events takes the cookie
    body = {"lease_token": trial["lease"]["token"], "metrics": {"yield": 1.0}}
    http.post("/v1/studies/s/trials/1:finish", json=body)
    page.wait_for_selector("text=Nobody is at work.")
    page.click("form.sign-out button")
    page.wait_for_selector("#key")
    page.goto(url)
    assert page.url.startswith(f"{url}/login")
    assert complaints == []
