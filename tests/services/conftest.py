"""Engine hosts in this process."""

import pytest

from headway_server.services.engine_host import EngineHost


@pytest.fixture
def hosts(database):
    """Makes engine hosts, each with a memory of its own, on one database."""
    made = []

    def new():
        made.append(EngineHost(database))
        return made[-1]

    yield new
    for host in made:
        host.close()


@pytest.fixture
def host(hosts):
    return hosts()
