"""OpenTelemetry spans of requests and transactions, where OTEL_EXPORTER_OTLP_ENDPOINT says where to.

FastAPI makes the spans of requests; what sends them off is the extra `otel`, which is imported only then.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import get_current_span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = logging.getLogger(__name__)

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def current_trace_id() -> str | None:
    """The trace that the request at hand is a part of, 32 hexadecimal digits; None where nobody traces."""
    context = get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


class Tracing:
    """Sends spans off; without a provider there are none.

    Args:
        provider: where spans go.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._tracer = None if provider is None else provider.get_tracer("headway")

    @classmethod
    def from_environment(cls) -> Tracing:
        """As the OTEL_… variables say."""
        if not os.environ.get(ENDPOINT):
            return cls()
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ModuleNotFoundError as missing:
            log.warning(
                "%s is set, but %s is not installed, so nothing is traced: pip install 'headway[otel]'",
                ENDPOINT,
                missing.name,
            )
            return cls()
        name = os.environ.get("OTEL_SERVICE_NAME", "headway")
        provider = TracerProvider(resource=Resource.create({"service.name": name}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    @property
    def telemetry(self) -> TelemetryConfig:
        """What FastAPI is to do: spans, where they go somewhere; measurements are Prometheus' here."""
        if self._provider is None:
            return {"tracing": False, "metrics": False, "logs": False}
        return {"tracer_provider": self._provider, "metrics": False, "logs": False}

    def transaction(self, kind: str, seconds: float) -> None:
        """A transaction of the request at hand, which has just ended."""
        if self._tracer is None:
            return
        ended = time.time_ns()
        span = self._tracer.start_span(f"database {kind}", start_time=ended - int(seconds * 1e9))
        span.end(ended)

    def close(self) -> None:
        """Send what has not been sent."""
        if self._provider is not None:
            self._provider.shutdown()
