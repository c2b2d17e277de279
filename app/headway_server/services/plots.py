"""What a study's plots are drawn from: columns, of fewer entries than there are trials where asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headway.wire.base import rfc3339
from headway.wire.plot import Plot, PlotKind
from headway.wire.study import Convergence, ConvergencePoint, Objective
from headway.wire.trial_filter import TrialFilter
from headway_server.domain.downsampling import downsampled, thinned
from headway_server.domain.errors import ValidationFailed
from headway_server.domain.pareto import Front
from headway_server.domain.study import Study
from headway_server.services.convergence import convergence_of
from headway_server.services.trial_columns import ABOUT, PLOTTED, header, shown_cells
from headway_server.storage.database import Database
from headway_server.storage.trial_table import METRIC
from headway_server.storage.unit_of_work import UnitOfWork

Columns = dict[str, list[object]]

_COMPLETED = TrialFilter(state="completed", excluded=False)
_NOT_MEASURED = {*PLOTTED, *ABOUT} - {"number", "value"}


@dataclass(frozen=True)
class Made:
    """A plot with its ETag; none where the caller has it already."""

    etag: str
    plot: Plot | None


def plot(database: Database, name: str, kind: PlotKind, max_points: int, known: str | None = None) -> Made:
    """The columns of a plot, of at most `max_points` entries each.

    Args:
        database: where the study is.
        name: of the study.
        kind: of the plot.
        max_points: at least 2.
        known: the ETag of what the caller has.

    Raises:
        NotFound: no such study.
        ValidationFailed: it has one objective, and so no front.
    """

    def work(uow: UnitOfWork) -> Made:
        study = uow.studies.get(name)
        # Whatever changes what is shown is an event; heartbeats and leases that are renewed are none.
        etag = f'"{kind}-{max_points}-{study.id}-{study.last_seq}"'
        if known is not None and etag in known:
            return Made(etag, None)
        total, columns = _MAKERS[kind](uow, study, max_points)
        objectives = study.definition.objectives
        return Made(etag, Plot(kind=kind, objectives=objectives, total=total, columns=columns))

    return database.snapshot(work)


def shown(progress: Convergence, max_points: int) -> list[int]:
    """Which completed trials a plot of so many shows, by index: all that were better than all before, or made
    the front's volume grow, while there is room for them, and the extremes of the first objective.
    """
    points = progress.points
    best = [point.best if point.hypervolume is None else point.hypervolume for point in points]
    kept = [i for i, one in enumerate(best) if one is not None and (i == 0 or one != best[i - 1])]
    heights = np.array([point.value for point in points], dtype=float)
    return thinned(heights, np.array(kept, dtype=np.int64), max_points)


def front_of(progress: Convergence) -> list[ConvergencePoint]:
    """The results that count and that no other dominates, best first objective first."""
    front = Front[ConvergencePoint]()
    for point in progress.points:
        if point.counts:
            front.add(tuple(_utility(point, objective) for objective in progress.objectives), point)
    order = sorted(range(len(front.points)), key=lambda i: front.points[i], reverse=True)
    return [front.items[i] for i in order]


def shown_front(
    progress: Convergence, front: Sequence[ConvergencePoint], max_points: int
) -> list[ConvergencePoint]:
    """Which completed trials a plot of the front shows, in order of arrival: the front while there is room
    for it, and the extremes of the first objective.
    """
    on_front = {point.trial for point in front}
    kept = [i for i, point in enumerate(progress.points) if point.trial in on_front]
    heights = np.array([point.value for point in progress.points], dtype=float)
    return [progress.points[i] for i in thinned(heights, np.array(kept, dtype=np.int64), max_points)]


def _history(uow: UnitOfWork, study: Study, max_points: int) -> tuple[int, Columns]:
    if study.goals.plain:
        return _plain_history(uow, study, max_points)
    progress = convergence_of(uow, study)
    chosen = shown(progress, max_points)
    points = [progress.points[i] for i in chosen]
    columns: Columns = {
        "order": [i + 1 for i in chosen],
        "trial": [point.trial for point in points],
        "value": [point.value for point in points],
        "counts": [point.counts for point in points],
        "at": [rfc3339(point.at) for point in points],
    }
    if len(progress.objectives) == 1:
        columns["best"] = [point.best for point in points]
    else:
        columns["hypervolume"] = [point.hypervolume for point in points]
        columns |= _objectives(progress, points)
    return len(progress.points), columns


def _plain_history(uow: UnitOfWork, study: Study, max_points: int) -> tuple[int, Columns]:
    """The same where every result counts: without an object for each, which takes four times as long."""
    numbers, values = uow.table.arrivals(study)
    best = (np.maximum if study.maximize else np.minimum).accumulate(np.array(values, dtype=float))
    chosen = downsampled(values, max_points, maximize=study.maximize)
    trials = [numbers[i] for i in chosen]
    arrived = uow.table.numbered(study, ["number", "received_at"], sorted(trials))
    at = dict(zip(arrived["number"], shown_cells(arrived["received_at"]), strict=True))
    return len(numbers), {
        "order": [i + 1 for i in chosen],
        "trial": list(trials),
        "value": [values[i] for i in chosen],
        "counts": [True] * len(chosen),
        "at": [at[number] for number in trials],
        "best": best[chosen].tolist(),
    }


def _front(uow: UnitOfWork, study: Study, max_points: int) -> tuple[int, Columns]:
    if len(study.goals.objectives) == 1:
        raise ValidationFailed.at(
            "/kind", f"The study {study.name!r} has one objective, and so no front.", "Ask for `history`."
        )
    progress = convergence_of(uow, study)
    front = front_of(progress)
    points = shown_front(progress, front, max_points)
    on_front = {point.trial for point in front}
    columns: Columns = {
        "trial": [point.trial for point in points],
        "counts": [point.counts for point in points],
        "on_front": [point.trial in on_front for point in points],
    }
    return len(progress.points), columns | _objectives(progress, points)


def _parallel(uow: UnitOfWork, study: Study, max_points: int) -> tuple[int, Columns]:
    numbers, values = uow.table.series(study, _COMPLETED)
    chosen = downsampled(values, max_points, maximize=study.maximize)
    names = [name for name in header(study) if name not in _NOT_MEASURED]
    return len(numbers), uow.table.numbered(study, names, [numbers[i] for i in chosen])


def _objectives(progress: Convergence, points: Sequence[ConvergencePoint]) -> Columns:
    return {
        METRIC + objective.name: [point.metrics[objective.name] for point in points]
        for objective in progress.objectives
    }


def _utility(point: ConvergencePoint, objective: Objective) -> float:
    value = point.metrics[objective.name]
    return value if objective.goal == "maximize" else -value


class _Maker(Protocol):
    def __call__(self, uow: UnitOfWork, study: Study, max_points: int) -> tuple[int, Columns]:
        """How many entries there are, and the columns of those that are shown."""


_MAKERS: Mapping[PlotKind, _Maker] = {"history": _history, "front": _front, "parallel": _parallel}
