"""What is known of teams that work through issues: who got what right, said what, and was accorded what.

An issue is a block of questions that ends with a report: each member i divides 100 % among the members j,
itself included, and M_ij is the influence that i accords to j. The paper's teams have n = 4 members, 45
questions and a report after every five, so 9 issues.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
"""Real numbers, float64; leading axes are batches wherever a docstring says `…`."""


@dataclass(frozen=True)
class Teams:
    """T teams of n members over R issues."""

    influence: Array
    """Reported M, shape (T, R, n, n); rows are ≥ 0 and sum to 1."""
    correct: Array
    """Share of each issue's questions that a member answered rightly, shape (T, R, n), in [0, 1]."""
    confidence: Array
    """Social confidence of each member, shape (T, n), 0 to 1 or so."""
    timing: Array
    """Per member and issue: messages per question, and seconds to its first message of a question (the
    mean over questions in which it spoke); shape (T, R, n, 2)."""
    documents: NDArray[Any]
    """All that a member said during an issue, one string each; shape (T, R, n), dtype object."""

    def __len__(self) -> int:
        return len(self.influence)

    @property
    def members(self) -> int:
        """How many members a team has, n."""
        return int(self.influence.shape[-1])

    @property
    def issues(self) -> int:
        """R, the number of reports."""
        return int(self.influence.shape[1])

    def __getitem__(self, chosen: slice | NDArray[np.intp]) -> Teams:
        """Some of the teams."""
        return Teams(
            self.influence[chosen],
            self.correct[chosen],
            self.confidence[chosen],
            self.timing[chosen],
            self.documents[chosen],
        )

    def __add__(self, other: Teams) -> Teams:
        """These teams, then the others, which have as many members and issues."""
        return Teams(
            np.concatenate([self.influence, other.influence]),
            np.concatenate([self.correct, other.correct]),
            np.concatenate([self.confidence, other.confidence]),
            np.concatenate([self.timing, other.timing]),
            np.concatenate([self.documents, other.documents]),
        )


def running_correctness(correct: Array, memory: float = 1.0) -> Array:
    """The correctness p after each issue, shape (…, R, n).

    A mean of the shares of right answers, in which what lies s issues back counts memory^s; `memory` = 1 is
    the plain running mean.
    """
    weighted, weight = np.zeros_like(correct[..., 0, :]), 0.0
    p = np.empty_like(correct)
    for issue in range(correct.shape[-2]):
        weighted = memory * weighted + correct[..., issue, :]
        weight = memory * weight + 1.0
        p[..., issue, :] = weighted / weight
    return p
