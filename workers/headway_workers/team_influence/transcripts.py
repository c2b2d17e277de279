"""What was said and answered, question by question, and what predictors are told of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headway_workers.team_influence.teams import Array, Teams

SILENCE = 60.0
"""Seconds that stand for the first message of a member who said nothing during an issue."""


class Message(NamedTuple):
    """Something that a member said; indices from 0."""

    team: int
    question: int
    member: int
    second: float
    """Since the question was shown."""
    text: str


@dataclass(frozen=True)
class Transcripts:
    """T teams of n members over Q questions, with R reports, one after every Q / R questions."""

    influence: Array
    """As in `Teams`, shape (T, R, n, n)."""
    answers: NDArray[np.bool_]
    """Whether a member answered a question rightly, shape (T, Q, n)."""
    confidence: Array
    """Shape (T, n)."""
    messages: Sequence[Message] = ()

    def teams(self) -> Teams:
        """Answers, messages and their times summed up by issue."""
        T, R, n, _ = self.influence.shape
        per_issue = self.answers.shape[1] // R
        correct = self.answers.reshape(T, R, per_issue, n).mean(axis=2)
        timing, documents = _summed_up(self.messages, (T, R, n), per_issue)
        return Teams(self.influence, correct, self.confidence, timing, documents)


def _summed_up(
    messages: Sequence[Message], shape: tuple[int, int, int], per_issue: int
) -> tuple[Array, NDArray[Any]]:
    """`Teams.timing` and `Teams.documents`."""
    said, first = defaultdict(list), dict[tuple[int, int, int], float]()
    for message in sorted(messages, key=lambda one: (one.team, one.question, one.second)):
        said[message.team, message.question // per_issue, message.member].append(message.text)
        first.setdefault((message.team, message.question, message.member), message.second)
    timing, documents = np.zeros((*shape, 2)), np.full(shape, "", dtype=object)
    for cell, texts in said.items():
        timing[cell][0] = len(texts) / per_issue
        documents[cell] = ". ".join(texts)
    opened, total = np.zeros(shape), np.zeros(shape)
    for (team, question, member), second in first.items():
        opened[team, question // per_issue, member] += 1.0
        total[team, question // per_issue, member] += second
    timing[..., 1] = np.where(opened > 0, total / np.maximum(opened, 1.0), SILENCE)
    return timing, documents
