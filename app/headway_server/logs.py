"""Logs: a line of JSON each, with the ids of the request that it belongs to; plain lines on a terminal."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

LogFormat = Literal["auto", "json", "text"]
"""`auto`: text on a terminal, JSON elsewhere."""


@dataclass(frozen=True)
class RequestIds:
    """What a request is called: by whoever sent it, and across the services that it passes."""

    request_id: str
    trace_id: str


current: ContextVar[RequestIds | None] = ContextVar("headway_request", default=None)
"""The request that is being answered; threads that work for it know it too."""


class JsonLines(logging.Formatter):
    """One JSON object a record: at, level, logger, message, ids, and what the record has under `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        ids = current.get()
        if ids is not None:
            line |= {"request_id": ids.request_id, "trace_id": ids.trace_id}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(layout: LogFormat, level: str, *, prefix: str = "") -> None:
    """Let every logger of this process write to standard error.

    Args:
        layout: JSON or text.
        level: the least severity that is written.
        prefix: what text lines begin with.
    """
    handler = logging.StreamHandler()
    as_json = layout == "json" or (layout == "auto" and not sys.stderr.isatty())
    text = logging.Formatter(f"{prefix}%(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonLines() if as_json else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Whoever asks for readiness has the schema looked at, and Alembic has something to say each time.
    logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
