"""Results that could not be delivered, kept on disk until the server is back.

One file of JSON lines per server. Writing appends; delivering renames the file first, so that processes
which share a spool never hold each other up. Delivering twice is harmless: the server knows a result by
its attempt and its content.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from headway.errors import ApiError, ConnectionFailed
from headway.wire.trial import FinishRequest

log = logging.getLogger(__name__)

ABANDONED_AFTER_S = 300.0
"""A delivery that was begun so long ago has died with its process; another may take it over."""


class Spooled(BaseModel):
    """One undelivered result."""

    model_config = ConfigDict(allow_inf_nan=True)

    study: str
    number: int
    result: FinishRequest


def spool_directory() -> Path:
    """HEADWAY_SPOOL_DIR, or ~/.headway/spool; for a user without a home, a place in the temporary files."""
    if named := os.environ.get("HEADWAY_SPOOL_DIR"):
        return Path(named)
    try:
        return Path.home() / ".headway" / "spool"
    except RuntimeError:  # containers run under user ids that nobody has named
        return Path(tempfile.gettempdir()) / f"headway-spool-{os.getuid()}"


class Spool:
    """The undelivered results for one server. Lease tokens are in it: only its owner can read it."""

    def __init__(self, base_url: str, directory: Path | None = None) -> None:
        name = re.sub(r"[^A-Za-z0-9.-]+", "_", base_url)[:80]
        digest = hashlib.sha256(base_url.encode()).hexdigest()[:8]
        self._directory = directory or spool_directory()
        self.path = self._directory / f"{name}-{digest}.jsonl"
        self.refused_path = self.path.with_suffix(".refused.jsonl")

    def add(self, entry: Spooled) -> None:
        """Keep a result. It is on the disk when this returns."""
        self._append(self.path, _line(entry))

    def keep_refused(self, entry: Spooled, reason: str) -> None:
        """Keep a result that the server will never take, for whoever wants to put it elsewhere."""
        self._refuse(_line(entry), reason)

    def deliver(self, send: Callable[[Spooled], object]) -> int:
        """Deliver what is here, in order; how many results arrived.

        What the server refuses goes to `refused_path` with its reason, and what finds the server away
        stays for the next time: nothing is thrown away.
        """
        delivered = 0
        for claimed in self._claim():
            lines = [line for line in claimed.read_text("utf-8").splitlines() if line.strip()]
            away = False
            for line in lines:
                if away:
                    self._append(self.path, line)
                    continue
                try:
                    send(_parse(line))
                except ValidationError as error:
                    self._refuse(line, f"unreadable: {error.error_count()} faults")
                except ConnectionFailed:
                    away = True
                    self._append(self.path, line)
                except ApiError as error:
                    away = error.server_is_away
                    if away:
                        self._append(self.path, line)
                    else:
                        self._refuse(line, error.problem.detail)
                else:
                    delivered += 1
            claimed.unlink(missing_ok=True)
        return delivered

    def _claim(self) -> Iterator[Path]:
        """The file, and those of deliveries that died, each renamed so that it is this process's alone."""
        if not self._directory.is_dir():
            return
        for path in (self.path, *self._directory.glob(f"{self.path.stem}.*.delivering")):
            mine = self.path.with_suffix(f".{uuid4().hex}.delivering")
            try:
                if path != self.path and time.time() - path.stat().st_mtime < ABANDONED_AFTER_S:
                    continue
                path.rename(mine)
                os.utime(mine)
            except FileNotFoundError:  # nothing is spooled, or another process was faster
                continue
            yield mine

    def _refuse(self, line: str, reason: str) -> None:
        log.warning("a result was refused and is kept in %s: %s", self.refused_path, reason)
        self._append(self.refused_path, json.dumps({"reason": reason, "line": line}))

    def _append(self, path: Path, line: str) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The leading newline ends a line that a killed process may have left half-written.
        data = f"\n{line}\n".encode()
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _line(entry: Spooled) -> str:
    return json.dumps(entry.model_dump(mode="json", exclude_unset=True, exclude_none=True))


def _parse(line: str) -> Spooled:
    try:
        plain: Any = json.loads(line)
    except json.JSONDecodeError:
        plain = line
    return Spooled.model_validate(plain)
