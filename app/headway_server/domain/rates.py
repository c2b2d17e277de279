"""How often somebody may ask."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

REMEMBERED = 10_000
"""Past so many callers those who have their whole burst again are forgotten."""


@dataclass(frozen=True)
class Rate:
    """So many requests a second in the long run, and so many at once after a pause."""

    per_s: float
    burst: int


@dataclass(frozen=True)
class Taken:
    """What became of one request."""

    left: int
    """How many more may follow at once."""
    whole_in_s: float
    """Until the whole burst is there again, seconds."""
    retry_after_s: float | None
    """Until the next one may come, seconds; None: this one may."""


class RateLimiter:
    """Counts what each caller sends, by the generic cell rate algorithm in its virtual scheduling form (ITU-T
    I.371, annex A): one number a caller, the time at which all that it has sent would have arrived at the
    rate that it may keep.

    It counts in this process alone: of n servers each lets the rate through.
    """

    def __init__(self) -> None:
        self._arrival_s: dict[Hashable, float] = {}

    def take(self, caller: Hashable, rate: Rate, now_s: float) -> Taken:
        """Let one request of a caller through, or not.

        Args:
            caller: who asks for what.
            rate: what it may.
            now_s: a clock that never goes back, seconds.
        """
        whole_s = rate.burst / rate.per_s
        ahead_s = max(0.0, self._arrival_s.get(caller, 0.0) - now_s)
        after_s = ahead_s + 1 / rate.per_s
        if after_s > whole_s * (1 + 1e-9):  # the last of a burst, whatever the sum was rounded to
            return Taken(0, ahead_s, after_s - whole_s)
        if len(self._arrival_s) >= REMEMBERED and caller not in self._arrival_s:
            self._arrival_s = {one: at for one, at in self._arrival_s.items() if at > now_s}
        self._arrival_s[caller] = now_s + after_s
        return Taken(int((whole_s - after_s) * rate.per_s + 1e-6), after_s, None)
