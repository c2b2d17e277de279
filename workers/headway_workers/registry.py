"""Which objectives there are. A room is imported when its objective is asked for, not before."""

from __future__ import annotations

from importlib import import_module

from headway_workers.contract import Objective

_ROOMS = {
    "digits-svm": "headway_workers.digits_svm.objective:DigitsSvm",
    "image-inpainting": "headway_workers.matrix_completion.inpainting:ImageInpainting",
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
    if name not in _ROOMS:
        raise UnknownObjective(name)
    module, _, attribute = _ROOMS[name].partition(":")
    found = getattr(import_module(module), attribute)()
    assert isinstance(found, Objective)
    return found
