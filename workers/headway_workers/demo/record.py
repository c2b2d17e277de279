"""What a study has to show for itself: a record read through the client, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from headway.wire.model import ModelSummary
from headway.wire.study import Best, StudyView
from headway.wire.trial import AttemptView, TrialView
from headway_server.domain.goals import Goals
from headway_server.domain.pareto import Front
from headway_server.domain.space import SearchSpace
from headway_workers.demo.slices import Slice

ENDED = frozenset({"completed", "infeasible", "failed", "stopped", "abandoned", "lost"})

IDLE_S = 20.0
"""A pause longer than this, with no attempt running, is cut out of the time axis: the study was resumed."""


@dataclass(frozen=True)
class Observed:
    """One completed trial."""

    trial: int
    at: datetime
    values: tuple[float, ...]
    """Of each objective."""
    counts: bool
    """Whether it keeps the outcome constraints."""
    improved: bool
    """Whether nothing before it was as good: it became the incumbent, or joined the front."""
    front: tuple[int, ...]
    """The trials that nothing dominates once this one was in: the incumbent alone, with one objective."""
    best: float | None
    """The best value of the first objective by then; None while no trial counts."""

    @property
    def value(self) -> float:
        """The first objective."""
        return self.values[0]


@dataclass(frozen=True)
class Record:
    """A study and its trials at one moment."""

    study: StudyView
    trials: tuple[TrialView, ...]

    @cached_property
    def goals(self) -> Goals:
        """What the study is after."""
        definition = self.study.definition
        return Goals.from_definition(definition, SearchSpace.from_wire(definition.space))

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
        completed = [trial for trial in self.trials if trial.value is not None and trial.observations]
        completed.sort(key=lambda trial: (trial.observations[0].received_at, trial.number))
        front, best = Front[int](), None
        found: list[Observed] = []
        for trial in completed:
            measured = {name: one.value for name, one in trial.metrics.items()}
            counts, point = self.goals.feasible(measured), self.goals.utilities(measured)
            improved = counts and front.add(point, trial.number)
            if improved:
                best = max(kept[0] for kept in front.points)
            found.append(
                Observed(
                    trial=trial.number,
                    at=trial.observations[0].received_at,
                    values=tuple(measured[one.name] for one in self.goals.objectives),
                    counts=counts,
                    improved=improved,
                    front=tuple(front.items),
                    best=None if best is None else best * self.goals.signs[self.goals.objectives[0].name],
                )
            )
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
    """The best trial; None without one, and with several objectives."""
    model: ModelSummary
    slices: tuple[Slice, ...] = ()
    front: tuple[Best, ...] = ()
    """With several objectives: the trials that no other dominates, best first objective first."""


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
