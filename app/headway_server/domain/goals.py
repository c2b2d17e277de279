"""What a study is after: its objectives, its outcome constraints and its fidelity, as rules on results."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from headway.wire.base import Params
from headway.wire.problem import FieldError
from headway.wire.space import Float, Int
from headway.wire.study import Fidelity, Objective, StudyDefinition
from headway_server.domain.errors import InvalidFidelity, InvalidOutcomeConstraint, UnsupportedObjectives
from headway_server.domain.space import SearchSpace

_CONSTRAINT = re.compile(r"\s*([^<>=]*[^<>=\s])\s*(<=|>=)\s*([^<>=]+)\s*")
MAX_BOUND = 1e300


@dataclass(frozen=True)
class OutcomeConstraint:
    """A measured metric that must not exceed a bound, or not fall below it."""

    metric: str
    relation: Literal["<=", ">="]
    bound: float

    @classmethod
    def parse(cls, text: str, pointer: str) -> OutcomeConstraint:
        """From e.g. `latency <= 50`.

        Raises:
            InvalidOutcomeConstraint: not one metric, one relation and one finite number.
        """
        match = _CONSTRAINT.fullmatch(text)
        if match is None:
            raise InvalidOutcomeConstraint.at(
                pointer,
                f"{text!r} is not an outcome constraint.",
                "Write one metric, <= or >=, and one number: 'latency <= 50'.",
            )
        metric, relation, number = match.groups()
        try:
            bound = float(number)
        except ValueError:
            bound = math.nan
        if not abs(bound) <= MAX_BOUND:  # refuses NaN too
            raise InvalidOutcomeConstraint.at(
                pointer,
                f"{text!r} compares {metric!r} with {number.strip()!r}.",
                f"Give a finite number of at most {MAX_BOUND:g} in size.",
            )
        return cls(metric, "<=" if relation == "<=" else ">=", bound)

    def holds(self, value: float) -> bool:
        """Whether a measured value satisfies it."""
        return value <= self.bound if self.relation == "<=" else value >= self.bound


@dataclass(frozen=True)
class FidelityGoal:
    """A parameter that buys accuracy for cost, and the value at which results count."""

    parameter: str
    target: float
    fixed: float
    per_unit: float

    def cost(self, value: float) -> float:
        """What an evaluation at a value of the fidelity parameter costs: fixed + per_unit · value."""
        return self.fixed + self.per_unit * value


@dataclass(frozen=True)
class Goals:
    """Objectives, outcome constraints and fidelity. Build with `Goals.of`, which refuses nonsense."""

    objectives: tuple[Objective, ...]
    constraints: tuple[OutcomeConstraint, ...] = ()
    fidelity: FidelityGoal | None = None

    @classmethod
    def of(
        cls,
        space: SearchSpace,
        objectives: Sequence[Objective],
        outcome_constraints: Sequence[str] = (),
        fidelity: Fidelity | None = None,
    ) -> Goals:
        """The goals of a study over a checked space.

        Raises:
            UnsupportedObjectives, InvalidOutcomeConstraint, InvalidFidelity: naming the field, the value
                and the remedy.
        """
        _check_names(objectives)
        constraints = tuple(
            OutcomeConstraint.parse(text, f"/outcome_constraints/{i}")
            for i, text in enumerate(outcome_constraints)
        )
        _check_together(constraints)
        if fidelity is not None and len(objectives) > 1:
            raise UnsupportedObjectives.at(
                "/fidelity",
                f"The study has {len(objectives)} objectives and the fidelity {fidelity.parameter!r}.",
                "Give one objective, or leave the fidelity out.",
            )
        return cls(tuple(objectives), constraints, None if fidelity is None else _checked(fidelity, space))

    @classmethod
    def from_definition(cls, definition: StudyDefinition, space: SearchSpace) -> Goals:
        """The goals of a study's definition.

        Raises:
            what `of` raises.
        """
        return cls.of(space, definition.objectives, definition.outcome_constraints, definition.fidelity)

    @cached_property
    def plain(self) -> bool:
        """Whether there is one objective and nothing else."""
        return len(self.objectives) == 1 and not self.constraints and self.fidelity is None

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """What every completed trial must bring: the objectives, then the other constrained metrics."""
        names = [objective.name for objective in self.objectives]
        names += [constraint.metric for constraint in self.constraints]
        return tuple(dict.fromkeys(names))

    @cached_property
    def signs(self) -> Mapping[str, float]:
        """Metric → what turns its values into utilities, of which larger is better: +1 or −1.

        A metric that is no objective is better where its (first) constraint has more room.
        """
        signs = {
            constraint.metric: -1.0 if constraint.relation == "<=" else 1.0
            for constraint in reversed(self.constraints)
        }
        return signs | {one.name: 1.0 if one.goal == "maximize" else -1.0 for one in self.objectives}

    def interval(self, metric: str) -> tuple[float, float]:
        """The lowest and the highest value that a metric may have; infinite where it has no bound."""
        low, high = -math.inf, math.inf
        for constraint in self.constraints:
            if constraint.metric == metric:
                if constraint.relation == "<=":
                    high = min(high, constraint.bound)
                else:
                    low = max(low, constraint.bound)
        return low, high

    @cached_property
    def constrained(self) -> tuple[str, ...]:
        """The metrics that have a bound."""
        return tuple(dict.fromkeys(constraint.metric for constraint in self.constraints))

    def utilities(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """The objectives of one result, larger is better."""
        return tuple(self.signs[one.name] * values[one.name] for one in self.objectives)

    def feasible(self, values: Mapping[str, float]) -> bool:
        """Whether a result keeps every outcome constraint."""
        return all(constraint.holds(values[constraint.metric]) for constraint in self.constraints)

    def at_target(self, params: Params) -> bool:
        """Whether a point is at the target fidelity; always, where there is none."""
        if self.fidelity is None:
            return True
        value = float(params[self.fidelity.parameter])
        return math.isclose(value, self.fidelity.target, rel_tol=1e-9)


def _check_names(objectives: Sequence[Objective]) -> None:
    names = [objective.name for objective in objectives]
    if not names:
        raise UnsupportedObjectives.at("/objectives", "There are no objectives.", "Give 1 to 8.")
    for i, name in enumerate(names):
        if name in names[:i]:
            raise UnsupportedObjectives.at(
                f"/objectives/{i}/name", f"Two objectives are named {name!r}.", "Rename or remove one."
            )


def _check_together(constraints: Sequence[OutcomeConstraint]) -> None:
    """Refuse constraints that repeat or contradict each other."""
    seen: dict[tuple[str, str], OutcomeConstraint] = {}
    for i, constraint in enumerate(constraints):
        pointer, metric = f"/outcome_constraints/{i}", constraint.metric
        if (metric, constraint.relation) in seen:
            raise InvalidOutcomeConstraint.at(
                pointer,
                f"{metric!r} has two bounds with {constraint.relation}.",
                "Keep the tighter one.",
            )
        seen[metric, constraint.relation] = constraint
        low, high = seen.get((metric, ">=")), seen.get((metric, "<="))
        if low is not None and high is not None and low.bound > high.bound:
            raise InvalidOutcomeConstraint.at(
                pointer,
                f"No value of {metric!r} is at least {low.bound:g} and at most {high.bound:g}.",
                "Change one of the bounds.",
            )


def _checked(fidelity: Fidelity, space: SearchSpace) -> FidelityGoal:
    parameter = next((one for one in space.parameters if one.name == fidelity.parameter), None)
    if parameter is None:
        raise InvalidFidelity.at(
            "/fidelity/parameter",
            f"There is no parameter {fidelity.parameter!r}.",
            f"The space has: {', '.join(one.name for one in space.parameters)}.",
        )
    if not isinstance(parameter, Float | Int):
        raise InvalidFidelity.at(
            "/fidelity/parameter",
            f"The fidelity {parameter.name!r} is {parameter.type}.",
            "Choose a float or an int.",
        )
    bound = any(parameter.name in constraint.coefficients for constraint in space.constraints)
    if parameter.step is not None or parameter.when is not None or bound:
        raise InvalidFidelity.at(
            "/fidelity/parameter",
            f"The fidelity {parameter.name!r} has a step, a condition or a constraint.",
            "Choose a parameter that is free to take any value of its range.",
        )
    if len(space.parameters) == 1:
        raise InvalidFidelity.at(
            "/fidelity/parameter",
            f"{parameter.name!r} is the only parameter, so nothing is left to optimise.",
            "Add the parameters that are searched.",
        )
    target = float(parameter.high) if fidelity.target is None else fidelity.target
    whole = not isinstance(parameter, Int) or target == int(target)
    if not (parameter.low <= target <= parameter.high and whole):
        kind = "a whole number" if isinstance(parameter, Int) else "a number"
        raise InvalidFidelity.at(
            "/fidelity/target",
            f"The target {target!r} is no value of {parameter.name!r}.",
            f"Give {kind} from {parameter.low!r} to {parameter.high!r}.",
        )
    goal = FidelityGoal(parameter.name, target, fidelity.cost.fixed, fidelity.cost.per_unit)
    if not goal.cost(parameter.low) > 0.0:
        raise InvalidFidelity(
            f"An evaluation at {parameter.name} = {parameter.low!r} would cost {goal.cost(parameter.low):g}. "
            "Raise `fixed`, so that every evaluation costs something.",
            FieldError(
                pointer="/fidelity/cost/fixed",
                message=f"The cost at {parameter.name} = {parameter.low!r} is {goal.cost(parameter.low):g}.",
                hint="Raise `fixed`, so that every evaluation costs something.",
            ),
        )
    return goal
