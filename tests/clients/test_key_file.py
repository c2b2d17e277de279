"""HEADWAY_API_KEY_FILE, as containers are handed their secrets."""

import httpx
import pytest

from headway import Client


def authorization(monkeypatch, tmp_path):
    """What a client of the environment sends."""
    sent = []

    def answer(request):
        sent.append(request.headers.get("Authorization"))
        return httpx.Response(200, json={"studies": [], "next_cursor": None})

    client = Client("http://headway.test", transport=httpx.MockTransport(answer), spool_directory=tmp_path)
    assert not list(client.studies())
    return sent


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("HEADWAY_API_KEY", raising=False)


def test_key_is_read_from_the_file(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("hw_a_b\n")
    monkeypatch.setenv("HEADWAY_API_KEY_FILE", str(tmp_path / "key"))
    assert authorization(monkeypatch, tmp_path) == ["Bearer hw_a_b"]


def test_key_in_the_environment_comes_first(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("hw_a_b")
    monkeypatch.setenv("HEADWAY_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("HEADWAY_API_KEY", "hw_c_d")
    assert authorization(monkeypatch, tmp_path) == ["Bearer hw_c_d"]


@pytest.mark.parametrize(("content", "problem"), [(None, "can't be read"), ("\n", "is empty")])
def test_file_without_a_key_is_named(monkeypatch, tmp_path, content, problem):
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("HEADWAY_API_KEY_FILE", str(path))
    with pytest.raises(ValueError, match=problem):
        Client("http://headway.test")
