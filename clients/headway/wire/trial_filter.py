"""Which trials of a study a reader wants: the query of every list of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from headway.wire.trial import TrialState


@dataclass(frozen=True)
class TrialFilter:
    """Which trials; None: whatever it is."""

    state: TrialState | None = None
    worker: str | None = None
    """Who made one of its attempts."""
    policy: str | None = None
    """Of its receipt: `sobol`, `ucb`, `import` …"""
    updated_after: datetime | None = None
    """A moment with its zone; without one it is this machine's local time."""
    tag: str | None = None
    excluded: bool | None = None

    def query(self) -> dict[str, str | int]:
        """As it stands in a query."""
        updated = None if self.updated_after is None else self.updated_after.astimezone(UTC).isoformat()
        given = {
            "state": self.state,
            "worker": self.worker,
            "origin.policy": self.policy,
            "updated_after": updated,
            "tag": self.tag,
            "excluded": None if self.excluded is None else str(self.excluded).lower(),
        }
        return {name: value for name, value in given.items() if value is not None}


EVERY_TRIAL = TrialFilter()
