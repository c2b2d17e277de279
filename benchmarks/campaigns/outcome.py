"""What a campaign came to, and whether it beat another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from headway_server.domain.pareto import Front, Point, hypervolume, reference_point


@dataclass(frozen=True)
class Outcome:
    """One campaign: a strategy on an objective, with a seed."""

    objective: str
    strategy: str
    seed: int
    budget: int
    counting: int
    """Completed trials that kept the outcome constraints."""
    seconds: float
    front: tuple[Point, ...]
    """Utilities, of which larger is better: the best alone, with one objective; empty where none counts."""
    again: float | None = None
    """With one objective: mean utility of the best trial's point at fresh seeds."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells this campaign from others."""
        return self.objective, self.strategy, self.seed


@dataclass(frozen=True)
class Comparison:
    """Two campaigns with one seed, each by one number of which larger is better."""

    seed: int
    ours: float
    random: float

    @property
    def won(self) -> bool:
        """Whether ours is the better one."""
        return self.ours > self.random


def compared(ours: Outcome, random: Outcome) -> Comparison:
    """What the best of each is worth when it is measured again, or else the best value as it was found.

    With several objectives, the hypervolume above a reference that both fronts share.
    """
    if ours.again is not None and random.again is not None:
        return Comparison(ours.seed, ours.again, random.again)
    if not (ours.front and random.front):
        return Comparison(ours.seed, float(bool(ours.front)), float(bool(random.front)))
    if len(ours.front[0]) == 1:
        return Comparison(ours.seed, ours.front[0][0], random.front[0][0])
    both = Front[None]()
    for point in (*ours.front, *random.front):
        both.add(point, None)
    reference = reference_point(both.points)
    return Comparison(ours.seed, hypervolume(ours.front, reference), hypervolume(random.front, reference))


def table(outcomes: Sequence[Outcome], measures: dict[str, tuple[str, float]]) -> str:
    """A line per objective; `measures` has what its number is called, and its sign as a utility."""
    lines = [
        "| objective | trials | measure | headway, median | random, median | headway ahead | s a campaign |",
        "|---|---|---|---|---|---|---|",
    ]
    for objective in dict.fromkeys(one.objective for one in outcomes):
        mine = [one for one in outcomes if one.objective == objective]
        ours = {one.seed: one for one in mine if one.strategy != "random"}
        random = {one.seed: one for one in mine if one.strategy == "random"}
        name, sign = measures[objective]
        if any(one.again is None for one in mine):  # a table's line has one measure
            ours, random = ({k: replace(v, again=None) for k, v in side.items()} for side in (ours, random))
        else:
            name += ", measured again"
        pairs = [compared(ours[seed], random[seed]) for seed in sorted(ours.keys() & random.keys())]
        if not pairs:
            continue
        values = [sign * median(one.ours for one in pairs), sign * median(one.random for one in pairs)]
        won = f"{sum(one.won for one in pairs)} of {len(pairs)}"
        seconds = median(one.seconds for one in ours.values())
        lines.append(
            f"| {objective} | {mine[0].budget} | {name} | {values[0]:.5g} | {values[1]:.5g} | {won} "
            f"| {seconds:.0f} |"
        )
    return "\n".join(lines)
