import os
import stat
import time

import pytest

from headway.errors import ConnectionFailed, error_of
from headway.spool import ABANDONED_AFTER_S, Spool, Spooled
from headway.wire.problem import Problem
from headway.wire.trial import FinishRequest


def entry(number=1, value=0.5):
    return Spooled(
        study="s", number=number, result=FinishRequest(lease_token="1.t", metrics={"value": value})
    )


@pytest.fixture
def spool(tmp_path):
    return Spool("http://h:1", tmp_path / "spool")


def test_what_is_added_is_delivered_once_and_in_order(spool):
    for number in (3, 1, 2):
        spool.add(entry(number))
    arrived = []
    assert spool.deliver(arrived.append) == 3
    assert arrived == [entry(3), entry(1), entry(2)]
    assert spool.deliver(arrived.append) == 0


def test_outlives_its_process(spool):
    spool.add(entry())
    assert Spool("http://h:1", spool.path.parent).deliver(lambda _: None) == 1


def test_servers_do_not_get_each_others_results(spool):
    spool.add(entry())
    assert Spool("http://h:2", spool.path.parent).deliver(lambda _: None) == 0


def test_stays_while_the_server_is_away(spool):
    spool.add(entry(1))
    spool.add(entry(2))

    def away(_):
        raise ConnectionFailed("away")

    assert spool.deliver(away) == 0
    arrived = []
    spool.deliver(arrived.append)
    assert [one.number for one in arrived] == [1, 2]


def test_what_the_server_refuses_is_kept_aside_with_the_reason(spool):
    spool.add(entry(1))
    spool.add(entry(2))

    def refuse_first(one):
        if one.number == 1:
            raise error_of(Problem(type="x", title="t", status=404, detail="no such study", code="not-found"))

    assert spool.deliver(refuse_first) == 1
    assert "no such study" in spool.refused_path.read_text()
    assert spool.deliver(refuse_first) == 0


def test_half_written_line_costs_only_itself(spool):
    spool.add(entry(1))
    with spool.path.open("a") as file:
        file.write('{"study": "s", "numb')
    spool.add(entry(2))
    arrived = []
    assert spool.deliver(arrived.append) == 2
    assert '\\"numb' in spool.refused_path.read_text()


def test_delivery_that_died_is_taken_over_after_a_while(spool):
    spool.add(entry())
    dead = spool.path.with_suffix(".abc.delivering")
    spool.path.rename(dead)
    assert spool.deliver(lambda _: None) == 0
    long_ago = time.time() - ABANDONED_AFTER_S - 1
    os.utime(dead, (long_ago, long_ago))
    assert spool.deliver(lambda _: None) == 1


def test_not_a_number_survives_the_disk(spool):
    spool.add(entry(value=float("nan")))
    arrived = []
    spool.deliver(arrived.append)
    assert arrived[0].result.metrics["value"] != arrived[0].result.metrics["value"]


def test_tokens_are_for_the_owners_eyes(spool):
    spool.add(entry())
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.path.parent.stat().st_mode) == 0o700


def test_user_without_a_home_has_a_spool_too(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HEADWAY_SPOOL_DIR", raising=False)
    monkeypatch.setattr("headway.spool.Path.home", homeless)
    assert "headway-spool" in str(Spool("http://h").path)


def test_directory_comes_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HEADWAY_SPOOL_DIR", str(tmp_path))
    assert Spool("http://h").path.parent == tmp_path
