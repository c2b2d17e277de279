"""How long to go on asking, and how long to pause in between. No I/O."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

RETRIED = frozenset({429, 502, 503, 504})
"""Statuses that say: the same call will work later."""


def worth_repeating(status: int, retry_after: str | None) -> bool:
    """Whether the same call will work later. A conflict does not go away by itself, unless the server says
    when: the first try of this very call is still under way.
    """
    return status in RETRIED or (status == HTTPStatus.CONFLICT and retry_after is not None)


@dataclass(frozen=True)
class Patience:
    """Full-jitter exponential back-off with an end.

    The k-th pause (k = 0, 1, …) is uniform on [0, min(longest_s, first_s · 2^k)], which spreads a crowd
    of workers evenly after an outage (Brooker, "Exponential Backoff And Jitter", 2015). Where the server
    named a time with Retry-After, the pause is that time plus the same jitter.
    """

    total_s: float = 60.0
    """Seconds from the first try to the last pause's end; 0: one try."""
    first_s: float = 0.2
    longest_s: float = 10.0

    def pause_s(
        self,
        retry: int,
        elapsed_s: float,
        retry_after_s: float | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> float | None:
        """Seconds to pause before retry number `retry` (from 0), or None to give up."""
        pause = uniform(0.0, min(self.longest_s, self.first_s * 2.0 ** min(retry, 60)))
        if retry_after_s is not None:
            pause += retry_after_s
        return pause if elapsed_s + pause <= self.total_s else None


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """The seconds that a Retry-After header asks for (a number, or a date), None where it says nothing."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
