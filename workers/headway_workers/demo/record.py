"""What a study has to show for itself: a record read through the client, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from headway.wire.model import ModelSummary
from headway.wire.study import Best, StudyView
from headway.wire.trial import AttemptView, TrialView
from headway_workers.demo.slices import Slice

ENDED = frozenset({"completed", "infeasible", "failed", "stopped", "abandoned", "lost"})

IDLE_S = 20.0
"""A pause longer than this, with no attempt running, is cut out of the time axis: the study was resumed."""


@dataclass(frozen=True)
class Observed:
    """One completed trial."""

    trial: int
    at: datetime
    value: float
    best: float
    """The incumbent's value once this trial was in."""
    improved: bool
    """Whether this trial became the incumbent."""


@dataclass(frozen=True)
class Record:
    """A study and its trials at one moment."""

    study: StudyView
    trials: tuple[TrialView, ...]

    @property
    def minimizes(self) -> bool:
        """Whether smaller is better."""
        return self.study.definition.objectives[0].goal == "minimize"

    @property
    def complete(self) -> bool:
        """Whether nothing is left to hand out and nothing is out."""
        counts = self.study.trials
        out = counts.reserved + counts.queued + counts.leased
        return self.study.state in {"completed", "archived"} or (self.study.budget_left == 0 and out == 0)

    @property
    def ended(self) -> int:
        """How many trials have ended, well or not."""
        return sum(trial.state in ENDED for trial in self.trials)

    @cached_property
    def observed(self) -> tuple[Observed, ...]:
        """Completed trials by time of arrival."""
        better = min if self.minimizes else max
        arrivals = sorted(
            (trial.observations[0].received_at, trial.number, trial.value)
            for trial in self.trials
            if trial.value is not None and trial.observations
        )
        best: float | None = None
        found: list[Observed] = []
        for at, number, value in arrivals:
            improved = best is None or (better(best, value) == value != best)
            best = value if improved else best
            assert best is not None
            found.append(Observed(number, at, value, best, improved))
        return tuple(found)

    @property
    def attempts(self) -> Iterator[tuple[TrialView, AttemptView]]:
        """Every attempt with its trial."""
        for trial in self.trials:
            for attempt in trial.attempts:
                yield trial, attempt

    @property
    def busy(self) -> dict[str, tuple[int, datetime]]:
        """Worker → the trial that it has out, and since when."""
        return {
            attempt.worker or "?": (trial.number, attempt.leased_at)
            for trial, attempt in self.attempts
            if trial.state == "leased" and attempt.ended_at is None
        }


@dataclass(frozen=True)
class Outcome:
    """A study's end, with what its model believes."""

    record: Record
    best: Best | None
    model: ModelSummary
    slices: tuple[Slice, ...]


class WorkingTime:
    """Seconds during which somebody worked: the clock of a study that may have been interrupted."""

    def __init__(self, record: Record) -> None:
        spans = sorted((a.leased_at, a.ended_at or a.leased_at) for _, a in record.attempts)
        self.resumed: list[float] = []
        """Where pauses were cut out, in working seconds."""
        self._starts: list[tuple[datetime, float]] = []
        end: datetime | None = None
        for leased, ended in spans:
            if end is None:
                self._starts.append((leased, 0.0))
            elif (leased - end).total_seconds() > IDLE_S:
                offset = self.seconds(end)
                self.resumed.append(offset)
                self._starts.append((leased, offset))
            end = ended if end is None else max(end, ended)

    def seconds(self, moment: datetime) -> float:
        """Working seconds from the first lease to this moment."""
        start, offset = self._starts[0]
        for start_, offset_ in self._starts:
            if start_ <= moment:
                start, offset = start_, offset_
        return offset + (moment - start).total_seconds()
