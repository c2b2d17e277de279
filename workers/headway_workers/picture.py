"""What `headway figure` writes: the experiment behind an objective, drawn by its own room."""

from __future__ import annotations

from pathlib import Path

from headway_workers import registry
from headway_workers.style import saved, sheet


class NoPicture(LookupError):
    """The objective's experiment has no picture."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has no picture of its own. `headway demo --study {name}` draws the study of it."
        )


def write(name: str, path: Path) -> Path:
    """Draw the experiment of the objective of that name as a PNG of 1,760 pixels' width.

    Raises:
        UnknownObjective: naming those that are known.
        NoPicture: there is nothing to draw.
    """
    draw = registry.figure(name)
    if draw is None:
        raise NoPicture(name)
    figure = sheet()
    draw(figure)
    return saved(figure, path)
