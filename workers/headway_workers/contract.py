"""What every objective shares: its declaration, its evaluation, and the checks that prove it right.

An objective is one experiment as a black box. It is deterministic in (params, seed): the *problem's*
seed (which data, which folds, which pixels are missing) is fixed when the objective is built, the
*evaluation's* seed comes with each call, so that a replicate can change the second alone.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from headway.wire.base import Params
from headway.wire.measured import MetricRole
from headway.wire.space import Declared, Space
from headway.wire.study import Objective as Goal
from headway.wire.study import Policy, StudyDefinition

Status = Literal["ok", "infeasible", "diverged", "timeout", "solver_failed"]
"""How an evaluation ended. All but `ok` are expected failures: results with a reason."""


class Report(Protocol):
    """Called at each rung of the fidelity axis with the objective's value so far."""

    def __call__(self, step: int, partial: float) -> None: ...


def silent(step: int, partial: float) -> None:
    """The report of a caller who doesn't listen."""


class DataUnavailable(RuntimeError):
    """What an objective evaluates on is missing or can't be read; says what, where, and the remedy."""


@dataclass(frozen=True)
class Metric:
    """A measured quantity beside the objective."""

    value: float
    role: MetricRole = "diagnostic"


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation found. Every number in it is finite.

    Raises:
        ValueError: a number is not finite, or an evaluation that went well has no objective.
    """

    objectives: Mapping[str, float] = field(default_factory=dict)
    noise: Mapping[str, float] = field(default_factory=dict)
    """Standard error of each objective, in its unit; none where it is not known."""
    constraints: Mapping[str, float] = field(default_factory=dict)
    """What the study's outcome constraints speak of."""
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    status: Status = "ok"
    reason: str = ""
    """Why, in a sentence, wherever the status is not `ok`."""
    operations: float = 0.0
    """Floating-point operations by count, 0 where they are not counted."""

    def __post_init__(self) -> None:
        metrics = {name: metric.value for name, metric in self.metrics.items()}
        numbers = (self.objectives, self.noise, self.constraints, metrics)
        for name, value in (pair for one in numbers for pair in one.items()):
            if not math.isfinite(value):
                raise ValueError(f"{name} = {value!r}: an outcome without a value is a status, not a number.")
        if self.status == "ok" and not self.objectives:
            raise ValueError("An evaluation that went well has an objective.")
        if self.status != "ok" and not self.reason:
            raise ValueError(f"An evaluation that ended {self.status} says why.")


@dataclass(frozen=True)
class Check:
    """One figure of ours beside an oracle's."""

    name: str
    oracle: float
    ours: float
    tolerance: float | None
    """Largest difference that passes, in the figure's unit; None: reported, not judged."""

    @property
    def passed(self) -> bool:
        """Whether the two agree; a figure that is only reported always does."""
        return self.tolerance is None or abs(self.ours - self.oracle) <= self.tolerance


Verdict = Literal["supported", "not supported", "inconclusive"]


@dataclass(frozen=True)
class Claim:
    """A paper's statement beside what we found. Whatever the verdict is, it is a result and no failure."""

    name: str
    effect: float
    low: float
    high: float
    """95 % interval of the effect."""
    demands: str
    """What the statement says of the effect, e.g. "< 0.1"."""
    verdict: Verdict


@dataclass(frozen=True)
class FidelityAxis:
    """What can be cut short, and the range of it."""

    name: str
    low: int
    high: int


class Objective(ABC):
    """One experiment as a black box, with all that a study needs to know of it."""

    name: ClassVar[str]
    summary: ClassVar[str]
    parameters: ClassVar[tuple[Declared, ...]]
    goals: ClassVar[tuple[Goal, ...]]
    linear_constraints: ClassVar[tuple[str, ...]] = ()
    """What every point satisfies, as in `Space.constraints`."""
    outcome_constraints: ClassVar[tuple[str, ...]] = ()
    """Bounds on what is measured, as in `StudyDefinition.outcome_constraints`."""
    fidelity: ClassVar[FidelityAxis | None] = None
    data: ClassVar[str] = "none"
    """What the evaluation reads, and where it comes from."""
    budget: ClassVar[int] = 60
    policy: ClassVar[Policy] = Policy(lease_s=15.0, first_heartbeat_grace_s=15.0)
    """Evaluations last seconds, so a worker that is silent for a quarter of a minute is gone."""

    @abstractmethod
    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,
        fidelity: int | None = None,
        device: str = "cpu",
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """Run the experiment at one point of the space.

        `fidelity` is a value on the fidelity axis, None the point's own; `deadline` a reading of
        `time.monotonic()`, after which the evaluation gives up with status `timeout`.
        """

    @classmethod
    def definition(cls, study: str | None = None, *, budget: int | None = None) -> StudyDefinition:
        """The study of this objective, under its own name and budget unless told otherwise."""
        return StudyDefinition(
            name=study or cls.name,
            space=Space(parameters=cls.parameters, constraints=cls.linear_constraints),
            objectives=cls.goals,
            outcome_constraints=cls.outcome_constraints,
            budget=budget or cls.budget,
            policy=cls.policy,
            notes=cls.summary,
        )


def overdue(deadline: float | None) -> bool:
    """Whether the deadline, a reading of `time.monotonic()`, has passed."""
    return deadline is not None and time.monotonic() > deadline
