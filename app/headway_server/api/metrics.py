"""What Prometheus asks: /metrics, where HEADWAY_METRICS says so.

What this process does is counted in this process; leases, queue and fits are counted in the database when
they are asked for, so that every replica tells the same of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from headway.wire.trial import FinishResponse, SuggestResponse
from headway_server.domain.errors import DatabaseUnavailable
from headway_server.services.engine_link import EngineLink
from headway_server.services.load import load
from headway_server.storage.database import Database

SIZES = (0, 10, 30, 100, 300, 1_000, 3_000, 10_000)
"""Results that a suggestion was made from, as lower ends of classes."""
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds of the classes of times, seconds."""


def size_class(n: int) -> str:
    """The class of a number of results, as a label: 300-999."""
    low = max(size for size in SIZES if size <= n)
    after = SIZES.index(low) + 1
    return f"{low}-{SIZES[after] - 1}" if after < len(SIZES) else f"{low}+"


class Metrics:
    """The measurements of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "headway_requests",
            "Requests by method, route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "headway_request_seconds",
            "Time to the end of an answer, without streams.",
            ("method", "route"),
            buckets=FAST,
            registry=self.registry,
        )
        self._suggest = Histogram(
            "headway_suggest_seconds",
            "Time of a suggest that handed out trials, by strategy and number of results.",
            ("strategy", "n"),
            buckets=FAST,
            registry=self.registry,
        )
        self._results = Counter(
            "headway_results",
            "Results by what became of them: accepted, late, superseded, duplicate or refused.",
            ("kind",),
            registry=self.registry,
        )
        self._database = Histogram(
            "headway_database_seconds",
            "Time of a transaction, waiting for its locks included.",
            ("kind",),
            buckets=FAST,
            registry=self.registry,
        )
        self._events = Counter(
            "headway_events",
            "Events that were committed by this process, such as lease.expired.",
            ("type",),
            registry=self.registry,
        )

    def watch(self, database: Database, engine: EngineLink) -> None:
        """Ask these two at every scrape."""
        self.registry.register(_Parts(database, engine))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. Without a route it was for no route of the API's, or got no further."""
        self._requests.labels(method, route, str(status)).inc()
        if not route.endswith("/events"):
            self._seconds.labels(method, route).observe(seconds)

    def transaction(self, kind: str, seconds: float, events: Sequence[str]) -> None:
        """A transaction ended, with these events if it was committed."""
        self._database.labels(kind).observe(seconds)
        for type_ in events:
            self._events.labels(type_).inc()

    def suggested(self, response: SuggestResponse, seconds: float) -> None:
        """Trials were handed out."""
        if response.trials:
            origin = response.trials[0].origin
            self._suggest.labels(origin.strategy, size_class(origin.n_observed)).observe(seconds)

    def finished(self, answered: FinishResponse | None) -> None:
        """A result came in; None: it was refused."""
        if answered is None:
            kind = "refused"
        elif answered.duplicate:
            kind = "duplicate"
        elif answered.superseded:
            kind = "superseded"
        else:
            kind = "late" if answered.late else "accepted"
        self._results.labels(kind).inc()


class _Parts(Collector):
    """The database and the engine, as they are when they are asked for."""

    def __init__(self, database: Database, engine: EngineLink) -> None:
        self._database = database
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """The measurements; those of the database are missing while it is away."""
        yield CounterMetricFamily(
            "headway_engine_restarts",
            "How often the engine's process died and was started again.",
            value=self._engine.restarts,
        )
        yield _gauge("headway_engine_ready", "1 while the engine's process answers.", self._engine.ready)
        try:
            now = load(self._database)
        except DatabaseUnavailable:
            yield _gauge("headway_database_up", "1 while the database answers.", value=False)
            return
        yield _gauge("headway_database_up", "1 while the database answers.", value=True)
        yield _gauge("headway_leases_live", "Trials that somebody works on.", now.leases)
        yield _gauge("headway_queue_depth", "Trials that wait to be handed out again.", now.queued)
        yield _gauge("headway_trials_reserved", "Trials whose point is being computed.", now.reserved)
        yield SummaryMetricFamily(
            "headway_fit_seconds",
            "Time of the fits that were stored, by whichever replica.",
            count_value=now.fits,
            sum_value=now.fit_s,
        )


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))
