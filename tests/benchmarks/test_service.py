"""What the service's table is made of; the figures themselves are nobody's assertion."""

import json
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.service.figures import Row, Window, row, table
from benchmarks.service.load import Caller, measure


def test_a_row_has_every_repeats_rate_and_percentiles_over_all_requests():
    windows = [Window(2.0, [0.001] * 4, [0.002] * 4), Window(1.0, [0.003] * 4, [0.002] * 4)]
    one = row("headway", "sqlite", 1, 4, windows)
    assert one.rates == [2.0, 4.0]
    assert one.rate == 3.0
    assert one.suggest_ms == pytest.approx((2.0, 3.0))
    assert one.finish_ms == pytest.approx((2.0, 2.0))
    assert one.cycles == 8


def test_the_table_sets_a_peer_against_one_server_with_as_many_workers():
    def made(system, servers, workers, rate):
        return Row(system, "postgresql", servers, workers, 0.0, [rate], (1.0, 2.0), (3.0, 4.0), 9)

    rows = [
        *(made("headway", 1, 1, 50.0), made("headway", 1, 16, 80.0), made("headway", 2, 16, 120.0)),
        *(made("optuna-gp", 0, 1, 0.5), made("optuna-gp", 0, 16, 2.0)),
    ]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table(rows).splitlines()]
    assert [line[6] for line in cells[2:]] == ["", "", "", "100", "40"]
    assert {len(line) for line in cells} == {10}
    assert cells[2][7:9] == ["1.0 / 2.0", "3.0 / 4.0"]


class Counting(BaseHTTPRequestHandler):
    """Hands out trials and takes results, and counts both."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.seen.append((self.path.rsplit(":", 1)[1], body))
            number = len(self.server.seen)
        trial = {
            "number": number,
            "params": {f"x{k}": 0.5 for k in range(6)},
            "lease": {"token": f"t{number}"},
        }
        answer = json.dumps({"trials": [trial]} if self.server.up else {"detail": "away"}).encode()
        self.send_response(200 if self.server.up else 503)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def servers():
    running = [ThreadingHTTPServer(("127.0.0.1", 0), Counting) for _ in range(2)]
    for server in running:
        server.lock, server.seen, server.up, server.daemon_threads = threading.Lock(), [], True, True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield running
    for server in running:
        server.shutdown()
        server.server_close()


def test_workers_share_the_cycles_and_the_servers(servers):
    window = measure([server.server_port for server in servers], "s", 4, 21)
    assert (len(window.suggest), len(window.finish)) == (21, 21)
    assert window.rate == pytest.approx(21 / window.seconds)
    seen = [verb for server in servers for verb, _ in server.seen]
    assert (seen.count("suggest"), seen.count("finish")) == (21, 21)
    assert all(server.seen for server in servers)
    values = {
        body["metrics"]["value"] for server in servers for verb, body in server.seen if verb == "finish"
    }
    assert len(values) == 1


def test_an_evaluation_takes_its_time_and_no_request_does(servers):
    window = measure([servers[0].server_port], "s", 2, 8, evaluation_s=0.2)
    assert window.seconds > 2 * sum(window.suggest + window.finish)


def test_a_refusal_ends_the_measurement(servers):
    servers[0].up = False
    with pytest.raises(RuntimeError, match="503"):
        measure([servers[0].server_port], "s", 2, 4)
    with closing(Caller(servers[0].server_port)) as call, pytest.raises(RuntimeError, match="away"):
        call("POST", "/v1/studies/s/trials:suggest", {})
