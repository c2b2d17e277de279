"""What the services ask of the engine, and the messages in which they ask it across a pipe.

`EngineHost` answers in this process, `EngineLink` asks a host in a child process: the same four
questions, the same answers.
"""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, Field

from headway.wire.base import Params
from headway.wire.explanation import Alternative, Nearest, Score
from headway.wire.model import ModelSummary
from headway.wire.study import Interval
from headway.wire.trial import Receipt
from headway_server.domain.access import DEFAULT_PROJECT_ID
from headway_server.domain.held import NOTHING_HELD, Held


class Point(BaseModel):
    """The point for one reserved trial number, and how it was made."""

    number: int
    params: Params
    origin: Receipt
    seen_seq: int
    """Sequence number of the last observation in the posterior that was asked."""
    space_version: int = 1
    """Of the search space that it is a point of."""


class Predictions(BaseModel):
    """One interval a point, and the model they come from."""

    model_version: int
    n_observed: int
    intervals: tuple[Interval, ...]
    """Of the first objective."""
    metrics: dict[str, tuple[Interval, ...]] = Field(default_factory=dict)
    """Of every metric, where there is more than the first objective."""


class ToExplain(BaseModel):
    """A point to be explained, and the receipt of the trial that is there, if one is."""

    point: Params
    number: int
    """The trial's; 0: of none."""
    receipt: Receipt | None
    nearest: int
    alternatives: int


class Explained(BaseModel):
    """Why a point: the engine's part of an `Explanation`, whose fields have the same names."""

    model_version: int
    n_observed: int
    as_made: bool
    predicted: Interval
    metrics: dict[str, Interval]
    score: Score | None
    nearest: tuple[Nearest, ...]
    alternatives: tuple[Alternative, ...]


class Engine(Protocol):
    """Suggestions and predictions for a study by name, within one project.

    Each method raises EngineUnavailable where no answer came in time.
    """

    def points(self, study: str, numbers: list[int], held: Held = NOTHING_HELD) -> list[Point]:
        """A point for each of these reserved trial numbers, in order, with the checked values that the
        request holds.
        """
        ...

    def predict(self, study: str, points: list[Params]) -> Predictions | None:
        """The posterior at checked points; None until there are observations enough for a model."""
        ...

    def summary(self, study: str) -> ModelSummary:
        """What the model has learnt."""
        ...

    def explain(self, study: str, asked: ToExplain) -> Explained | None:
        """Why a checked point; None until there are observations enough for a model."""
        ...


class AskPoints(BaseModel):
    """`Engine.points` as a message."""

    kind: Literal["points"] = "points"
    project: int = DEFAULT_PROJECT_ID
    study: str
    numbers: list[int]
    held: Held = NOTHING_HELD


class AskPredictions(BaseModel):
    """`Engine.predict` as a message."""

    kind: Literal["predict"] = "predict"
    project: int = DEFAULT_PROJECT_ID
    study: str
    points: list[Params]


class AskSummary(BaseModel):
    """`Engine.summary` as a message."""

    kind: Literal["summary"] = "summary"
    project: int = DEFAULT_PROJECT_ID
    study: str


class AskExplanation(BaseModel):
    """`Engine.explain` as a message."""

    kind: Literal["explain"] = "explain"
    project: int = DEFAULT_PROJECT_ID
    study: str
    asked: ToExplain


Answer = list[Point] | Predictions | ModelSummary | Explained | None
Question = AskPoints | AskPredictions | AskSummary | AskExplanation


class Asked(BaseModel):
    """A question on the pipe."""

    id: int
    question: Annotated[Question, Field(discriminator="kind")]


class Answered(BaseModel):
    """An answer on the pipe; id 0 says that the host is ready."""

    id: int
    answer: Answer = None
    failure: str | None = None
    """What went wrong in the host, where something did."""
