"""Is it the group? People in groups that never sat together, as the null for influence within a group.

Before and after a discussion each member answers a question. That the others moved toward member j, the
more the nearer j was to the truth, looks like influence by expertise. It need not be: if everybody moves
toward the truth for reasons of its own, the others move toward whoever is near it, whether they met or
not. A rank correlation over all (group, question, member) has a tiny p all the same; so has a permutation
within groups. What answers the question is the same statistic in groups that were dealt anew, in which
no two members have ever met: if those show it as strongly, it is not evidence of influence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from headway_workers.team_influence.teams import Array

ATTEMPTS = 1_000
"""Deals that are tried for one without people who have met."""

Quality = Literal["expertise", "confidence"]


@dataclass(frozen=True)
class Revisions:
    """P people who answered Q questions before and after they talked in groups."""

    group: NDArray[np.intp]
    """Shape (P,), from 0."""
    before: Array
    """Shape (P, Q); NaN where there is no answer."""
    after: Array
    truth: Array
    """Shape (Q,)."""
    confidence: Array
    """In the first answer, shape (P, Q); NaN where it is not known."""


@dataclass(frozen=True)
class Regrouped:
    """What there is of influence in the groups, beside the two nulls."""

    correlation: float
    """Spearman's, between what j has and the others' movement toward j, over (question, member)."""
    naive_p: float
    """One-sided, as if those were independent."""
    wrong_group_p: float
    """(1 + deals at least as strong) / (1 + deals)."""
    dealt: Array
    """The correlation in each deal."""


def regrouped(revisions: Revisions, quality: Quality, *, deals: int, rng: np.random.Generator) -> Regrouped:
    """Others' movement toward a member against its expertise (−|error| of its first answer) or confidence,
    ranked within each question, in the groups and in so many wrong ones.

    Raises:
        ValueError: people can't be dealt so that none has met another: too few groups for their sizes.
    """
    attribute = revisions.confidence
    if quality == "expertise":
        attribute = -np.abs(revisions.before - revisions.truth)
    value, naive = _strength(revisions, attribute, revisions.group)
    wrong = (wrong_groups(revisions.group, rng) for _ in range(deals))
    dealt = np.array([_strength(revisions, attribute, groups)[0] for groups in wrong])
    p = (1 + int((dealt >= value - 1e-12).sum())) / (1 + deals)
    return Regrouped(value, naive, p, dealt)


def movement(revisions: Revisions, group: NDArray[np.intp]) -> Array:
    """How much nearer the others of its group came to each member's first answer, shape (P, Q).

    The mean over i ≠ j of |before_i − before_j| − |after_i − before_j|, in the question's unit; NaN where j
    has no first answer, or none of the others has both.
    """
    moved = np.full(revisions.before.shape, np.nan)
    for one in np.unique(group):
        members = np.flatnonzero(group == one)
        before, after = revisions.before[members], revisions.after[members]
        nearer = np.abs(before[:, None] - before) - np.abs(after[:, None] - before)
        nearer[np.arange(len(members)), np.arange(len(members))] = np.nan
        known = np.isfinite(nearer)
        count = known.sum(axis=0)
        total = np.where(known, nearer, 0.0).sum(axis=0)
        moved[members] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return moved


def wrong_groups(group: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """A deal into groups of the same sizes, in which nobody meets somebody it sat with, shape (P,).

    People stand in line by groups, groups and members shuffled, and take the seats in turn: seat 1 of each
    group, seat 2 of each. Those who sat together stand together in line, and so come to different groups.

    Raises:
        ValueError: no such deal was found.
    """
    groups, sizes = np.unique(group, return_counts=True)
    for _ in range(ATTEMPTS):
        line = np.concatenate(
            [rng.permutation(np.flatnonzero(group == one)) for one in rng.permutation(groups)]
        )
        order = rng.permutation(len(groups))
        rounds = [order[sizes[order] > seat] for seat in range(int(sizes.max()))]
        dealt = np.empty_like(group)
        dealt[line] = np.concatenate(rounds)
        if len(np.unique(np.stack([group, dealt]), axis=1).T) == len(group):
            return dealt
    raise ValueError(
        f"{len(groups)} groups of up to {sizes.max()} can't be dealt so that nobody has met. Give more "
        "groups than the largest has members."
    )


def _strength(revisions: Revisions, attribute: Array, group: NDArray[np.intp]) -> tuple[float, float]:
    moved = movement(revisions, group)
    known = np.isfinite(moved) & np.isfinite(attribute)
    has, gets = (_ranked(values, known)[known] for values in (attribute, moved))
    found = stats.spearmanr(has, gets, alternative="greater")
    return float(found.statistic), float(found.pvalue)


def _ranked(values: Array, known: NDArray[np.bool_]) -> Array:
    """Ranks within each question, in (0, 1): questions have units of their own."""
    ranks = np.full(values.shape, np.nan)
    for question in range(values.shape[1]):
        rows = known[:, question]
        ranks[rows, question] = (stats.rankdata(values[rows, question]) - 0.5) / max(rows.sum(), 1)
    return ranks


def revised(
    *, groups: int, size: int, questions: int, pull: float, heed: float, rng: np.random.Generator
) -> Revisions:
    """Generated people: after = before + pull (truth − before) + heed (b − before) + noise, where b is the
    first answer of the group's most confident member.

    First answers are N(truth, s_i²), with spreads s_i of 0.4 to 1.6, and confidence has nothing to do with
    them. With heed = 0 nobody listens to anybody, and whatever is found is no influence.
    """
    group = np.repeat(np.arange(groups), size)
    truth = rng.normal(0.0, 3.0, questions)
    spread = rng.uniform(0.4, 1.6, len(group))
    before = truth + spread[:, None] * rng.standard_normal((len(group), questions))
    confidence = rng.random((groups, size, questions))
    voice = np.take_along_axis(
        before.reshape(groups, size, questions), confidence.argmax(axis=1, keepdims=True), axis=1
    )
    heard = np.broadcast_to(voice, (groups, size, questions)).reshape(before.shape)
    after = before + pull * (truth - before) + heed * (heard - before)
    after += 0.1 * rng.standard_normal(after.shape)
    return Revisions(group, before, after, truth, confidence.reshape(before.shape))
