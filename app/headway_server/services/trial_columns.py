"""A study's trials as columns: what a plot, a data frame and an exported table are made of."""

from __future__ import annotations

from collections.abc import Sequence

from headway.wire.space import Space
from headway_server.domain.study import Study
from headway_server.storage.trial_table import TrialRow

METRIC, PARAM = "metrics.", "params."
"""What the names of columns begin with that are named by the study."""

PLOTTED = ("number", "state", "value", "std_error")
"""The columns that a plot needs, beside metrics and parameters."""
ABOUT = (
    "space_version",
    "policy",
    "worker",
    "client_id",
    "excluded",
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
    parameters = dict.fromkeys(one.name for space in spaces for one in space.parameters)
    metrics = study.goals.metrics if len(study.goals.metrics) > 1 else ()
    return [
        *PLOTTED,
        *(METRIC + metric for metric in metrics),
        *(PARAM + name for name in parameters),
        *ABOUT,
    ]


def cells(study: Study, row: TrialRow, names: Sequence[str] | None = None) -> dict[str, object]:
    """A row's cells by column; all of `header`'s, or those named. None where a value is not known."""
    return {name: _cell(row, name) for name in (header(study) if names is None else names)}


def _cell(row: TrialRow, name: str) -> object:
    if name.startswith(METRIC):
        measured = (row.metrics or {}).get(name.removeprefix(METRIC))
        return None if measured is None else measured.value
    if name.startswith(PARAM):
        return (row.params or {}).get(name.removeprefix(PARAM))
    if name == "tags":
        return " ".join(row.tags) or None
    if name == "note":
        return row.note or None
    cell: object = getattr(row, name)
    return cell
