"""A real server, in this process and on a loopback socket, and a transport that breaks on demand."""

import socket
import threading
import uuid

import httpx
import pytest
import uvicorn

import headway
from headway.local import LocalTransport, load_application


class FaultyTransport(httpx.BaseTransport):
    """Passes requests on, except those that it was told to spoil; keeps all of them."""

    def __init__(self, inner):
        self._inner = inner
        self.requests = []
        self._faults = []
        self.before = {}
        """Part of a path → what happens once before the next such request."""

    def spoil(self, path_part, *faults):
        """Spoil the next requests whose path has this part: exceptions, responses, or "lose the answer"."""
        self._faults += [(path_part, fault) for fault in faults]

    def sent(self, path_part):
        return [request for request in self.requests if path_part in request.url.path]

    def handle_request(self, request):
        self.requests.append(request)
        for path_part in [part for part in self.before if part in request.url.path]:
            self.before.pop(path_part)()
        for index, (path_part, fault) in enumerate(self._faults):
            if path_part in request.url.path:
                del self._faults[index]
                if fault == "lose the answer":
                    self._inner.handle_request(request)
                    raise httpx.ReadError("the answer was lost")
                if isinstance(fault, httpx.Response):
                    return fault
                raise fault
        return self._inner.handle_request(request)


@pytest.fixture(scope="session")
def local_server(tmp_path_factory):
    """The real application in this process."""
    app = load_application(str(tmp_path_factory.mktemp("local") / "headway.db"))
    transport = LocalTransport(app)
    yield transport
    transport.close()


@pytest.fixture
def faulty(local_server):
    return FaultyTransport(local_server)


@pytest.fixture
def patience_s():
    """Longer than any answer takes on a busy machine; where a server stays away, tests give less."""
    return 60.0


@pytest.fixture
def client(faulty, tmp_path, patience_s):
    """A client of the real application, through a transport that can be told to break."""
    return headway.Client(
        "http://headway.test", transport=faulty, patience_s=patience_s, spool_directory=tmp_path / "spool"
    )


@pytest.fixture
def name():
    """A study name that no other test has."""
    return f"study-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def study(client, name):
    """A study with a budget of 4 and a lease of 5 s."""
    return client.create_study(
        name,
        {"x": headway.Float(0, 1)},
        minimize="loss",
        budget=4,
        policy=headway.Policy(lease_s=5, first_heartbeat_grace_s=0),
    )


@pytest.fixture(scope="session")
def server_url(tmp_path_factory):
    """The real application on a loopback socket, for other processes and the command line."""
    app = load_application(str(tmp_path_factory.mktemp("served") / "headway.db"))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()
