"""Which objectives there are. A room is imported when its objective is asked for, not before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from headway_workers.contract import Check, Claim, Objective

if TYPE_CHECKING:  # a worker draws nothing, and need not import what does
    from matplotlib.figure import Figure

Draw = Callable[["Figure"], None]
"""Draws an experiment into an empty figure."""


class _Room(NamedTuple):
    """Where an objective is, what it is held to, and its experiment's picture: `module:attribute` each."""

    objective: str
    checks: str
    figure: str | None = None
    """None: the study's own figure shows all that there is to see."""


_ROOMS = {
    "async-bo": _Room(
        "headway_workers.async_bo.objective:AsyncBo",
        "headway_workers.async_bo.checks:checks",
        "headway_workers.async_bo.figure:draw",
    ),
    "digits-svm": _Room(
        "headway_workers.digits_svm.objective:DigitsSvm", "headway_workers.digits_svm.checks:checks"
    ),
    "image-inpainting": _Room(
        "headway_workers.matrix_completion.inpainting:ImageInpainting",
        "headway_workers.matrix_completion.inpainting_checks:checks",
        "headway_workers.matrix_completion.figure:draw",
    ),
    "matrix-completion": _Room(
        "headway_workers.matrix_completion.completion:MatrixCompletion",
        "headway_workers.matrix_completion.checks:checks",
        "headway_workers.matrix_completion.figure:draw",
    ),
    "molecular-fitness": _Room(
        "headway_workers.molecular_fitness.objective:MolecularFitness",
        "headway_workers.molecular_fitness.checks:checks",
        "headway_workers.molecular_fitness.figure:draw",
    ),
    "movielens": _Room(
        "headway_workers.matrix_completion.movielens:MovieLens",
        "headway_workers.matrix_completion.movielens_checks:checks",
    ),
    "relu-jumps": _Room(
        "headway_workers.relu_jumps.objective:ReluJumps",
        "headway_workers.relu_jumps.checks:checks",
        "headway_workers.relu_jumps.figure:draw",
    ),
    "rewarded-soups": _Room(
        "headway_workers.rewarded_soups.objective:RewardedSoups",
        "headway_workers.rewarded_soups.checks:checks",
        "headway_workers.rewarded_soups.figure:draw",
    ),
    "signature-audit": _Room(
        "headway_workers.signature_audit.objective:from_environment",
        "headway_workers.signature_audit.checks:checks",
        "headway_workers.signature_audit.figure:draw",
    ),
    "soup-preference": _Room(
        "headway_workers.rewarded_soups.preference.objective:SoupPreference",
        "headway_workers.rewarded_soups.preference.checks:checks",
        "headway_workers.rewarded_soups.preference.figure:draw",
    ),
    "team-influence": _Room(
        "headway_workers.team_influence.objective:from_environment",
        "headway_workers.team_influence.checks:checks",
        "headway_workers.team_influence.figure:draw",
    ),
}


class UnknownObjective(LookupError):
    """Nobody here knows an objective of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no objective {name!r}. Known: {', '.join(names())}.")


def names() -> tuple[str, ...]:
    """Every objective's name, in alphabetical order."""
    return tuple(sorted(_ROOMS))


def objective(name: str) -> Objective:
    """The objective of that name, with problem seed 0.

    Raises:
        UnknownObjective: naming those that are known.
    """
    found = _load(_room(name).objective)()
    assert isinstance(found, Objective)
    return found


def checks(name: str) -> Iterator[Check | Claim]:
    """What the objective of that name is held to, quickest first; each is worked out as it is asked for.

    Raises:
        UnknownObjective: naming those that are known.
    """
    held_to: Callable[[], Iterator[Check | Claim]] = _load(_room(name).checks)
    return held_to()


def figure(name: str) -> Draw | None:
    """What draws the experiment of the objective of that name; None where it has no picture of its own.

    Raises:
        UnknownObjective: naming those that are known.
    """
    place = _room(name).figure
    draw: Draw | None = None if place is None else _load(place)
    return draw


def _room(name: str) -> _Room:
    if name not in _ROOMS:
        raise UnknownObjective(name)
    return _ROOMS[name]


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
