"""A study: what is optimised, its budget, and the rules a definition must obey."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from headway.wire.base import Params
from headway.wire.space import Space
from headway.wire.study import Objective, Policy, StudyDefinition, StudyPatch, StudyState, TrialCounts
from headway.wire.trial import Outcome, TrialState
from headway_server.domain.access import DEFAULT_PROJECT_ID
from headway_server.domain.errors import UnknownStrategy, UnsupportedObjectives, ValidationFailed
from headway_server.domain.feasibility import require_feasible
from headway_server.domain.goals import Goals
from headway_server.domain.space import SearchSpace

STRATEGY_NAMES = (
    "rucb",
    "ucb",
    "thompson",
    "logei",
    "hallucinated-rucb",
    "hallucinated-ucb",
    "hallucinated-logei",
    "portfolio",
    "local-penalisation",
    "constant-liar",
    "qlognei",
    "random",
    "sobol",
)
"""The strategies that a study may name. Here, because the process that answers HTTP never imports the
engine; a test holds the engine's registry against it."""

TOMBSTONE = timedelta(days=30)
"""For how long a deleted study answers that it was deleted, and keeps its name."""

FOR_SEVERAL_OBJECTIVES = tuple(
    name for name in STRATEGY_NAMES if name not in ("local-penalisation", "constant-liar")
)
"""Those that can weigh several objectives: not the two that are made of one incumbent."""


def check_definition(definition: StudyDefinition) -> SearchSpace:
    """The study's search space, if its definition makes sense.

    Raises:
        InvalidSpace, ConstraintsInfeasible, UnknownStrategy, UnsupportedObjectives,
            InvalidOutcomeConstraint, InvalidFidelity: naming the field, the value and the remedy.
    """
    space = SearchSpace.from_wire(definition.space)
    if definition.strategy not in STRATEGY_NAMES:
        raise UnknownStrategy.at(
            "/strategy",
            f"There is no strategy {definition.strategy!r}.",
            f"Choose one of {', '.join(STRATEGY_NAMES)}.",
        )
    goals = Goals.from_definition(definition, space)
    if len(goals.objectives) > 1 and definition.strategy not in FOR_SEVERAL_OBJECTIVES:
        raise UnsupportedObjectives.at(
            "/strategy",
            f"The strategy {definition.strategy!r} can't weigh {len(goals.objectives)} objectives.",
            f"Choose one of {', '.join(FOR_SEVERAL_OBJECTIVES)}, or give one objective.",
        )
    if len(goals.objectives) > 1 and definition.policy.early_stopping is not None:
        raise UnsupportedObjectives.at(
            "/policy/early_stopping",
            f"Early stopping compares one objective; there are {len(goals.objectives)}.",
            "Leave it out, or give one objective.",
        )
    require_feasible(space)
    return space


def definition_hash(definition: StudyDefinition) -> str:
    """SHA-256 of everything that makes two studies the same one; notes are not part of it, nor is what
    definitions of before could not say.
    """
    unsaid = {"early_stopping"} if definition.policy.early_stopping is None else set()
    said = definition.model_dump_json(exclude={"notes": True, "policy": unsaid})
    return hashlib.sha256(said.encode()).hexdigest()


@dataclass(eq=False)
class Study:
    """A study's row. All commands on a study lock it first, so its counters never race."""

    name: str
    definition: StudyDefinition
    definition_hash: str
    budget: int | None
    created_at: datetime
    updated_at: datetime
    state: StudyState = "running"
    space_version: int = 1
    trials_created: int = 0
    """Trials created so far but for imported ones: each counts against the budget."""
    trials_imported: int = 0
    """Trials that came with their result. They have numbers, and cost no budget: nobody was sent to them."""
    data_revision: int = 0
    """Rises whenever data that the engine may have learnt from are no longer what they were."""
    last_seq: int = 0
    """Sequence number of the last event."""
    project_id: int = DEFAULT_PROJECT_ID
    deleted_at: datetime | None = None
    """Since when all that is left of it is to be forgotten; None: it is there."""
    audit_of: str | None = None
    """The study whose audit this one was made for; None: it stands for itself."""
    trial_counts: TrialCounts = field(default_factory=TrialCounts)
    """How many of its trials are in each state."""
    id: int | None = None

    @classmethod
    def define(cls, definition: StudyDefinition, now: datetime) -> Study:
        """A new study, of a definition that `check_definition` has passed."""
        return cls(
            name=definition.name,
            definition=definition,
            definition_hash=definition_hash(definition),
            budget=definition.budget,
            created_at=now,
            updated_at=now,
        )

    @property
    def objective(self) -> Objective:
        """The quantity that is optimised; the first of several."""
        return self.definition.objectives[0]

    @property
    def maximize(self) -> bool:
        """Whether larger is better."""
        return self.objective.goal == "maximize"

    @cached_property
    def goals(self) -> Goals:
        """Objectives, outcome constraints and fidelity."""
        return Goals.from_definition(self.definition, SearchSpace.from_wire(self.definition.space))

    @property
    def policy(self) -> Policy:
        """What is done about workers that fail or fall silent."""
        return self.definition.policy

    @property
    def teaching_outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes that the engine learns from: values, and that a point has none."""
        if self.policy.on_failed == "treat_as_infeasible":
            return ("completed", "infeasible", "failed")
        return ("completed", "infeasible")

    @property
    def budget_left(self) -> int | None:
        """How many more trials may be created; None: as many as wanted."""
        return None if self.budget is None else self.budget - self.trials_created

    @property
    def etag(self) -> str:
        """Identifies what `change` can change, as an entity tag (RFC 9110, section 8.8.3); trials leave it
        alone.
        """
        seen = (self.created_at.isoformat(), self.state, self.budget, self.definition.notes)
        return f'"{hashlib.sha256(repr(seen).encode()).hexdigest()[:32]}"'

    @property
    def stored_id(self) -> int:
        """The row's id."""
        if self.id is None:
            raise AssertionError(f"study {self.name} has not been stored")
        return self.id

    @property
    def space_etag(self) -> str:
        """Identifies the version of the search space, as an entity tag."""
        seen = (self.created_at.isoformat(), self.space_version)
        return f'"{hashlib.sha256(repr(seen).encode()).hexdigest()[:32]}"'

    def change_space(self, space: Space) -> None:
        """Put the next version of the search space in force; `check_definition` has passed the definition
        with it. What the engine holds of the study is void: its unit cube is another one.
        """
        self.definition = self.definition.model_copy(update={"space": space})
        self.definition_hash = definition_hash(self.definition)
        self.space_version += 1
        self.data_revision += 1
        self.__dict__.pop("goals", None)

    def change(self, patch: StudyPatch) -> dict[str, object]:
        """Set state, budget and notes; what has become different, and into what.

        A study that had completed because its budget was spent runs again when that is raised.

        Raises:
            ValidationFailed: the budget is less than what has been handed out.
        """
        before = (self.state, self.budget, self.definition.notes)
        spent = self.budget_left == 0
        if patch.budget is not None:
            if patch.budget < self.trials_created:
                raise ValidationFailed.at(
                    "/budget",
                    f"The budget {patch.budget} is less than the {self.trials_created} trials that have been "
                    "handed out.",
                    f"Give at least {self.trials_created}; to stop now, set `state` to `completed`.",
                )
            self.budget = patch.budget
        if patch.notes is not None and patch.notes != self.definition.notes:
            self.definition = self.definition.model_copy(update={"notes": patch.notes})
        if patch.state is not None:
            self.state = patch.state
        elif self.state == "completed" and spent and self.budget_left != 0:
            self.state = "running"
        after = (self.state, self.budget, self.definition.notes)
        return {
            name: new
            for name, old, new in zip(("state", "budget", "notes"), before, after, strict=True)
            if new != old
        }

    def count(self, changes: Mapping[TrialState, int]) -> None:
        """So many more of its trials, or fewer, are in these states."""
        counts: dict[str, int] = {
            state: getattr(self.trial_counts, state) + more for state, more in changes.items()
        }
        self.trial_counts = self.trial_counts.model_copy(update=counts)

    @property
    def last_number(self) -> int:
        """The number of the newest trial: there are no gaps."""
        return self.trials_created + self.trials_imported

    def next_number(self) -> int:
        """Take the next trial number from the budget. The caller has seen that some budget is left."""
        if self.budget_left == 0:
            raise AssertionError(f"study {self.name} has no budget left")
        self.trials_created += 1
        return self.last_number

    def next_imported_number(self) -> int:
        """The next trial number, for a result that was measured elsewhere."""
        self.trials_imported += 1
        return self.last_number

    def next_seq(self, now: datetime) -> int:
        """Take the next event number. Whoever changes a study says so by an event."""
        self.last_seq += 1
        self.updated_at = now
        return self.last_seq

    def counts(self, values: Mapping[str, float], params: Params) -> bool:
        """Whether a completed result may be the best: it keeps every outcome constraint, at the target
        fidelity.
        """
        return self.goals.feasible(values) and self.goals.at_target(params)

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a value beats the best so far."""
        return best is None or (value > best if self.maximize else value < best)
