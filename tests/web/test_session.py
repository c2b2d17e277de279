"""Signing in to the pages: a key for a cookie, a token in every form, and nothing for anybody else."""

import re

import pytest
from fastapi.testclient import TestClient

from headway.wire.access import KeyCreate, ProjectCreate
from headway_server import main
from headway_server.api.identity import COOKIE, form_token
from headway_server.domain.access import COMMAND_LINE
from headway_server.services import keys, projects
from headway_server.web.session import FORM_COOKIE

FIELD = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


@pytest.fixture
def database(app, http):
    return app.state.context.database.acting(COMMAND_LINE)


@pytest.fixture
def token(database, study):
    """A viewer's key, beside the study `s`."""
    return keys.create(database, "default", KeyCreate(role="viewer", name="v")).token


@pytest.fixture
def locked(app, http, monkeypatch):
    """The application on a machine where a key is asked for."""
    monkeypatch.setattr(main, "EngineLink", type(app.state.context.host))
    settings = app.state.context.settings
    with TestClient(main.create_app(settings), follow_redirects=False) as client:
        yield client


def sign_in(http, token, wanted="/", **changes):
    page = http.get("/login", params={"next": wanted})
    fields = {"key": token, "next": wanted, "form_token": FIELD.search(page.text)[1]} | changes
    return http.post("/login", data=fields)


def test_a_page_leads_to_the_form_and_the_form_back_to_the_page(locked, token):
    away = locked.get("/studies/s?x=1")
    assert away.status_code == 303
    assert away.headers["location"] == "/login?next=%2Fstudies%2Fs%3Fx%3D1"
    assert 'type="password"' in locked.get(away.headers["location"]).text
    back = sign_in(locked, token, "/studies/s?x=1")
    assert (back.status_code, back.headers["location"]) == (303, "/studies/s?x=1")
    page = locked.get("/studies/s")
    assert page.status_code == 200
    assert "Sign out" in page.text
    assert locked.get("/v1/studies/s").status_code == 200  # the page's own requests


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(locked, token):
    kept = sign_in(locked, token).headers.get_list("set-cookie")
    (cookie,) = [one for one in kept if one.startswith(COOKIE)]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert token not in cookie
    locked.base_url = "https://testserver"
    (cookie,) = [
        one for one in sign_in(locked, token).headers.get_list("set-cookie") if one.startswith(COOKIE)
    ]
    assert "Secure" in cookie.split("; ")


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/\r\nA: b"]
)
def test_signing_in_leads_to_no_other_site(locked, token, wanted):
    assert sign_in(locked, token, wanted).headers["location"] == "/"


def test_what_is_no_key_is_said_and_lets_nobody_in(locked, token):
    for wrong in (
        "",
        "admin",
        "hw_0123456789ab_" + "x" * 43,
        token[:-1] + ("A" if token[-1] != "A" else "B"),
    ):
        answer = sign_in(locked, wrong)
        assert answer.status_code == 401
        assert 'role="alert"' in answer.text
        assert COOKIE not in answer.cookies
    assert locked.get("/").status_code == 303


def test_a_form_without_its_token_is_refused(locked, token):
    for changes in ({"form_token": ""}, {"form_token": form_token("another")}):
        answer = sign_in(locked, token, **changes)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross-site-request")
    bare = TestClient(locked.app, cookies={FORM_COOKIE: "mine"})
    assert bare.post("/login", data={"key": token, "form_token": form_token("yours")}).status_code == 403


def test_signing_out_takes_the_pages_token_and_ends_the_session(locked, token):
    sign_in(locked, token)
    cookie = locked.cookies[COOKIE]
    assert locked.post("/logout").status_code == 403
    field = FIELD.search(locked.get("/").text)[1]
    assert locked.post("/logout", data={"form_token": field}).headers["location"] == "/login"
    locked.cookies.set(COOKIE, cookie)
    assert locked.get("/").status_code == 303


def test_a_cookie_alone_changes_nothing(locked, database, study):
    token = keys.create(database, "default", KeyCreate(role="admin")).token
    sign_in(locked, token)
    refused = locked.post("/v1/studies/s/trials:suggest", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "cross-site-request")
    given = {"X-CSRF-Token": form_token(locked.cookies[COOKIE])}
    assert locked.post("/v1/studies/s/trials:suggest", json={}, headers=given).status_code == 201


def test_pages_show_the_keys_project_and_an_installations_key_turns_to_others(locked, database, token):
    projects.create_or_get(database, ProjectCreate(name="other"))
    own = keys.create(database, "other", KeyCreate(role="viewer")).token
    sign_in(locked, own)
    assert "no studies yet" in locked.get("/").text
    assert locked.get("/studies/s").status_code == 404
    assert locked.get("/?project=default").status_code == 404
    sign_in(locked, keys.create(database, None, KeyCreate(role="admin")).token)
    page = locked.get("/?project=default").text
    assert 'href="/studies/s?project=default"' in page
    assert (
        'data-events="/v1/studies/s/events?project=default"' in locked.get("/studies/s?project=default").text
    )
    assert "no studies yet" in locked.get("/?project=other").text


def test_without_a_key_on_this_machine_it_is_open_and_says_so(app, http, study, monkeypatch):
    monkeypatch.setattr(main, "EngineLink", type(app.state.context.host))
    settings = app.state.context.settings
    with TestClient(
        main.create_app(settings, access="until-keys"),
        base_url="http://127.0.0.1:8765",
        follow_redirects=False,
    ) as client:
        assert "Open: whoever reaches this address" in client.get("/").text
        assert client.post("/v1/studies/s/trials:suggest", json={}).status_code == 201
        for name in ("localhost:8765", "[::1]:8765", "headway.localhost"):
            assert client.get("/v1/studies", headers={"Host": name}).status_code == 200
        for foreign in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Host": "evil.example:8765"},  # a foreign name that leads here
        ):
            refused = client.post("/v1/studies/s/trials:suggest", json={}, headers=foreign)
            assert (refused.status_code, refused.json()["code"]) == (403, "cross-site-request"), foreign
        own = {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
        assert client.post("/v1/studies/s/trials:suggest", json={}, headers=own).status_code == 201
        keyring = client.app.state.context.keyring
        keys.create(client.app.state.context.database.acting(COMMAND_LINE), None, KeyCreate(role="admin"))
        keyring._any_until = 0.0  # some seconds later
        assert client.get("/v1/studies").status_code == 401
        assert client.get("/").status_code == 303
