"""A study's trials as columns: what a plot, a data frame and an exported table are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from headway.wire.base import rfc3339
from headway.wire.space import Space
from headway_server.domain.errors import ValidationFailed
from headway_server.domain.study import Study
from headway_server.storage.trial_table import METRIC, PARAM

PLOTTED = ("number", "state", "value", "std_error", "excluded")
"""The columns that a plot needs, beside metrics and parameters."""
ABOUT = (
    "space_version",
    "policy",
    "worker",
    "client_id",
    "tags",
    "note",
    "created_at",
    "updated_at",
)
"""The columns that say where a trial comes from."""


def header(study: Study, earlier: Sequence[Space] = ()) -> list[str]:
    """The names of all columns: the study's state first, one per metric where there is more than the
    objective, one per parameter, those that only earlier versions of the space have last, and where the trial
    comes from.
    """
    spaces = (study.definition.space, *earlier)
    parameters = dict.fromkeys(one.name for space in spaces for one in space.scalars)
    metrics = study.goals.metrics if len(study.goals.metrics) > 1 else ()
    return [
        *PLOTTED,
        *(METRIC + metric for metric in metrics),
        *(PARAM + name for name in parameters),
        *ABOUT,
    ]


def named(study: Study, fields: Sequence[str]) -> list[str]:
    """The columns asked for, the number first; where none is, those that a plot needs.

    Raises:
        ValidationFailed: there is no column of this name.
    """
    known = header(study)
    if not fields:
        return [name for name in known if name not in ABOUT]
    return with_number(fields, known)


def with_number(fields: Sequence[str], known: Sequence[str]) -> list[str]:
    """The number and the fields asked for, each once.

    Raises:
        ValidationFailed: one of them is not known.
    """
    for field in fields:
        if field not in known:
            raise ValidationFailed.at(
                "/fields", f"There is no field {field[:64]!r}.", f"Name some of {', '.join(known)[:2000]}."
            )
    return list(dict.fromkeys(["number", *fields]))


def shown_cells(cells: Sequence[object]) -> list[object]:
    """The cells of a column as they travel."""
    return [rfc3339(cell) if isinstance(cell, datetime) else cell for cell in cells]
