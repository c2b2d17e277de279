"""Sweeps of several replicas: none waits for what another one holds."""

from datetime import timedelta

import pytest

from headway.wire.study import Policy
from headway.wire.trial import SuggestRequest
from headway_server.services import studies
from headway_server.services.leases import sweep
from headway_server.services.suggest import suggest
from headway_server.storage.database import Database


@pytest.fixture
def lapsed(database, engine, define):
    """Two studies whose leases have lapsed, on either database."""
    for name in ("a", "b"):
        define(name, policy=Policy(lease_s=30, first_heartbeat_grace_s=0))
        suggest(database, engine, name, SuggestRequest(count=2))
    database.clock_offset += timedelta(seconds=41)
    return database


@pytest.fixture
def replica(lapsed):
    """The same database over connections of its own."""
    other = Database(lapsed.url, clock_offset=lapsed.clock_offset)
    yield other
    other.dispose()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_sweep_leaves_alone_what_another_replica_holds(lapsed, replica):
    def hold(uow):
        uow.studies.lock("a")
        assert sweep(replica) == 2
        assert studies.read(replica, "a").trials.leased == 2
        assert studies.read(replica, "b").trials.queued == 2

    lapsed.write(hold)
    assert sweep(replica) == 2
    assert studies.read(replica, "a").trials.queued == 2


def test_what_one_replica_has_swept_another_finds_done(lapsed, replica):
    stale = replica.read(lambda uow: uow.studies.with_lapsed_trials(uow.now))
    assert len(stale) == 2
    assert sweep(lapsed) == 4
    assert sweep(replica) == 0
