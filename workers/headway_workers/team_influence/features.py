"""What a predictor is given: one row per transition from a report to the next, in named groups of features.

Two kinds: networks, of shape n × n, and members' features, a vector each. Under a relabelling of the
members both are permuted, and so is the matrix to be predicted. That gives the augmentation: every
training row in all n! labellings (24 for teams of four).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway_workers.team_influence.teams import Array, Teams, running_correctness
from headway_workers.team_influence.text import TextChannel

NETWORKS = ("prev", "first", "mean")
MEMBERS = ("perf", "timing", "text")
GROUPS = NETWORKS + MEMBERS


@dataclass(frozen=True)
class Transitions:
    """N = T (R − 1) transitions, all of a team's in a row; what leads to report t + 1, and that report."""

    team: NDArray[np.intp]
    """Which team, shape (N,), from 0."""
    prev: Array
    """Report t, shape (N, n, n)."""
    first: Array
    """Report 0."""
    mean: Array
    """Mean of the reports 0 to t."""
    target: Array
    """Report t + 1."""
    p: Array
    """Running correctness up to the questions before report t + 1, shape (N, n)."""
    block: Array
    """Correctness in the questions since report t, shape (N, n)."""
    confidence: Array
    """Shape (N, n)."""
    timing: Array
    """Of the messages since report t, shape (N, n, 2)."""
    documents: NDArray[Any]
    """What was said since report t, shape (N, n)."""

    def __len__(self) -> int:
        return len(self.team)

    def chosen(self, rows: NDArray[np.intp]) -> Transitions:
        """Some of the rows."""
        return Transitions(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    @classmethod
    def of(cls, teams: Teams, memory: float = 1.0) -> Transitions:
        """All transitions of some teams; `memory` is the running correctness's."""
        T, steps, n = len(teams), teams.issues - 1, teams.members
        reports = teams.influence
        so_far = np.cumsum(reports, axis=1)[:, :-1] / np.arange(1, steps + 1)[:, None, None]
        return cls(
            team=np.repeat(np.arange(T), steps),
            prev=reports[:, :-1].reshape(-1, n, n),
            first=np.repeat(reports[:, 0], steps, axis=0),
            mean=so_far.reshape(-1, n, n),
            target=reports[:, 1:].reshape(-1, n, n),
            p=running_correctness(teams.correct, memory)[:, 1:].reshape(-1, n),
            block=teams.correct[:, 1:].reshape(-1, n),
            confidence=np.repeat(teams.confidence, steps, axis=0),
            timing=teams.timing[:, 1:].reshape(-1, n, 2),
            documents=teams.documents[:, 1:].reshape(-1, n),
        )


@dataclass(frozen=True)
class Features:
    """Standardised features of N rows."""

    networks: Array
    """Shape (N, k, n, n)."""
    members: Array
    """Shape (N, n, m)."""

    def relabelled(self, order: Sequence[int]) -> Features:
        """The same rows, where the new member i is the old member order[i]."""
        at = np.asarray(order)
        return Features(relabelled(self.networks, order), self.members[:, at])

    @property
    def design(self) -> Array:
        """Shape (N, k n² + n m)."""
        rows = len(self.networks)
        return np.hstack([self.networks.reshape(rows, -1), self.members.reshape(rows, -1)])


def relabelled(M: Array, order: Sequence[int]) -> Array:
    """Matrices (…, n, n) where the new member i is the old member order[i]."""
    at = np.asarray(order)
    permuted: Array = M[..., at[:, None], at]
    return permuted


def labellings(n: int) -> list[tuple[int, ...]]:
    """All orders of n members, the identity first."""
    return list(permutations(range(n)))


def encoded(
    rows: Transitions, groups: Sequence[str], train: NDArray[np.intp], channel: TextChannel | None = None
) -> Features:
    """Features of all rows in the chosen groups, scaled and embedded by what the training rows alone tell.

    One mean and one scale per network and per member's feature, the same for all members, so that scaling
    and relabelling commute.

    Raises:
        ValueError: a group is none of `GROUPS`, or text is asked for without a channel to embed it.
    """
    if unknown := [group for group in groups if group not in GROUPS]:
        raise ValueError(f"There are no features {unknown[0]!r}. Choose among {', '.join(GROUPS)}.")
    N, n = rows.p.shape
    networks = [getattr(rows, group) for group in NETWORKS if group in groups]
    members = [np.empty((N, n, 0))]
    if "perf" in groups:
        members.append(np.stack([rows.p, rows.block], axis=-1))
    if "timing" in groups:
        members.append(rows.timing)
    if "text" in groups:
        if channel is None:
            raise ValueError("The features 'text' need a text channel. Give one, or leave them out.")
        members.append(channel.embedded(rows.documents, train))
    return Features(
        _scaled(np.stack(networks, axis=1) if networks else np.empty((N, 0, n, n)), train, (0, 2, 3)),
        _scaled(np.concatenate(members, axis=-1), train, (0, 1)),
    )


def _scaled(values: Array, train: NDArray[np.intp], axes: tuple[int, ...]) -> Array:
    """To mean 0 and standard deviation 1 on the training rows; what does not vary there is 0 there."""
    mean, spread = (of(values[train], axis=axes, keepdims=True) for of in (np.mean, np.std))
    scaled: Array = (values - mean) / np.where(spread > 1e-12, spread, 1.0)
    return scaled
