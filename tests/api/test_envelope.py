"""Ids, security headers, log lines, measurements and traces around every request."""

import io
import json
import logging
import re
import subprocess
import sys

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from prometheus_client.parser import text_string_to_metric_families

from headway_server import main
from headway_server.api.metrics import SIZES, size_class
from headway_server.domain.errors import DatabaseUnavailable
from headway_server.logs import JsonLines
from headway_server.settings import Settings
from headway_server.tracing import ENDPOINT, Tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def settings(app, http):
    """The settings of the application, whose database is there by now."""
    return app.state.context.settings


@pytest.fixture
def measured(http, settings):
    """The same application with /metrics."""
    with TestClient(
        main.create_app(settings.model_copy(update={"metrics": True}), access="open"),
        raise_server_exceptions=False,
    ) as client:
        yield client


def samples(http):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(http.get("/metrics").text)
        for sample in family.samples
    }


def test_a_request_keeps_its_id_and_gets_one_where_it_has_none(http, study):
    assert http.get("/healthz", headers={"X-Request-Id": "job-7.a_b"}).headers["x-request-id"] == "job-7.a_b"
    for bad in ("a b", "x" * 129, "<script>", ""):
        given = http.get("/v1/studies/s", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{16}", given)
    assert http.get("/v1/studies/nope", headers={"X-Request-Id": "n"}).headers["x-request-id"] == "n"


def test_a_bug_bears_the_trace_and_the_request_that_met_it(http, app):
    @app.get("/broken")
    def broken():
        raise RuntimeError("secret")

    answer = http.get("/broken", headers={"traceparent": PARENT, "X-Request-Id": "r"})
    assert answer.json()["trace_id"] == TRACE
    assert answer.headers["x-request-id"] == "r"


def test_every_answer_carries_security_headers(http, study):
    for path in ("/", "/studies/s", "/v1/studies", "/v1/nothing", "/healthz", "/static/live.js"):
        headers = http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "strict-transport-security" not in headers
    with TestClient(http.app, base_url="https://testserver") as secure:
        assert "max-age=" in secure.get("/healthz").headers["strict-transport-security"]


def test_a_log_line_is_json_with_the_ids_and_without_secrets(http, study):
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("headway_server.requests")
    log.addHandler(handler)
    log.setLevel("INFO")
    try:
        http.get(
            "/v1/studies/s",
            params={"project": "default"},
            headers={"X-Request-Id": "r-1", "traceparent": PARENT, "Authorization": "Bearer hw_secret"},
        )
    finally:
        log.removeHandler(handler)
        log.setLevel("NOTSET")
    (line,) = [json.loads(text) for text in lines.getvalue().splitlines()]
    assert line["request_id"] == "r-1"
    assert line["trace_id"] == TRACE
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/studies/s", 200)
    assert line["actor"] == "open"
    assert line["level"] == "info"
    assert "secret" not in lines.getvalue()
    assert "default" not in lines.getvalue()


def test_an_exception_in_the_log_is_one_line():
    try:
        int("a\nb")
    except ValueError:
        record = logging.LogRecord("l", logging.ERROR, "f", 1, "m %s", ("x",), sys.exc_info())
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "m x"
    assert "ValueError" in json.loads(line)["exception"]


def test_there_are_no_metrics_unless_they_are_wanted(http):
    assert http.get("/metrics").status_code == 404


def test_what_happens_is_measured(measured, study):
    answer = measured.post("/v1/studies/s/trials:suggest", json={"count": 2})
    first, second = answer.json()["trials"]
    body = {"lease_token": first["lease"]["token"], "metrics": {"yield": 1}}
    for _ in range(2):
        measured.post("/v1/studies/s/trials/1:finish", json=body)
    measured.post("/v1/studies/s/trials/2:finish", json=body)
    measured.post("/v1/studies/s/trials/2:finish", json={"lease_token": "x", "metrics": {}})
    measured.get("/v1/studies/never-a-label")
    seen = samples(measured)
    strategy = first["origin"]["strategy"]
    assert seen["headway_suggest_seconds_count", "0-9", strategy] == 1
    assert seen["headway_results_total", "accepted"] == 1
    assert seen["headway_results_total", "duplicate"] == 1
    assert seen["headway_results_total", "refused"] == 2
    assert seen["headway_events_total", "trial.leased"] == 2
    assert seen["headway_events_total", "trial.completed"] == 1
    assert seen["headway_leases_live",] == 1
    assert seen["headway_queue_depth",] == 0
    assert seen["headway_engine_restarts_total",] == 0
    assert seen["headway_engine_ready",] == seen["headway_database_up",] == 1
    assert seen["headway_fit_seconds_count",] == 0
    assert seen["headway_database_seconds_count", "write"] > 3
    route = "/v1/studies/{study}/trials/{number}:finish"
    assert seen["headway_requests_total", route, "200", "POST"] == 2
    assert not [key for key in seen if "never-a-label" in str(key)]
    assert second["number"] == 2


def test_what_is_rolled_back_is_no_event(sqlite_database):
    told = []
    sqlite_database.watch = lambda *args: told.append(args)

    def work(uow):
        uow.events.recorded.append("study.created")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sqlite_database.write(work)
    sqlite_database.read(lambda uow: uow.now)
    assert [(kind, list(events)) for kind, _, events in told] == [("write", []), ("read", [])]


def test_without_its_database_a_server_is_still_measured(measured, monkeypatch):
    def away(self, work):
        raise DatabaseUnavailable("It is away.")

    monkeypatch.setattr("headway_server.storage.database.Database.read", away)
    seen = samples(measured)
    assert seen["headway_database_up",] == 0
    assert ("headway_leases_live",) not in seen


def test_every_number_of_results_has_one_class():
    assert [size_class(n) for n in (0, 9, 10, 299, 300, 10_000, 10**7)] == [
        *("0-9", "0-9", "10-29", "100-299", "300-999", "10000+", "10000+"),
    ]
    assert len({size_class(n) for n in range(11_000)}) == len(SIZES)


def test_a_request_and_its_transactions_are_one_trace(settings, monkeypatch):
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(Tracing, "from_environment", classmethod(lambda cls: cls(provider)))
    with TestClient(main.create_app(settings, access="open")) as http:
        spans.clear()
        http.get("/v1/studies/s", headers={"traceparent": PARENT})
    seen = {span.name: span for span in spans.get_finished_spans()}
    request = next(span for span in seen.values() if span.kind is SpanKind.SERVER)
    assert "/v1/studies/{study}" in request.name
    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert request.attributes["http.response.status_code"] == 404
    read = seen["database read"]
    assert read.context.trace_id == request.context.trace_id
    assert request.start_time <= read.start_time <= read.end_time <= request.end_time


def test_nothing_is_traced_and_nothing_imported_without_an_endpoint(monkeypatch):
    monkeypatch.delenv(ENDPOINT, raising=False)
    code = (
        "import sys; from headway_server.main import create_app; create_app(); "
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter'); "
        "assert not [name for name in sys.modules if name.startswith(heavy)]"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert Tracing.from_environment().telemetry["tracing"] is False


def test_with_an_endpoint_a_provider_is_made(monkeypatch):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    provider = Tracing.from_environment().telemetry["tracer_provider"]
    assert provider.resource.attributes["service.name"] == "mine"


def test_an_endpoint_without_the_packages_is_a_warning(monkeypatch, caplog):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert Tracing.from_environment().telemetry["tracing"] is False
    assert "headway[otel]" in caplog.text


def test_the_settings_of_watching_are_checked():
    with pytest.raises(ValueError, match="log_format"):
        Settings(log_format="yaml")
