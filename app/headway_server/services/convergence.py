"""How a study got where it is: the incumbent, or the front, after every result."""

from __future__ import annotations

from headway.wire.study import Convergence, ConvergencePoint
from headway_server.domain.pareto import MAX_FOR_HYPERVOLUME, Front, contribution, reference_point
from headway_server.domain.study import Study
from headway_server.storage.database import Database
from headway_server.storage.rows import Arrival, MeasuredArrival
from headway_server.storage.unit_of_work import UnitOfWork


def convergence(database: Database, name: str) -> Convergence:
    """The incumbent's value, or the volume that the front dominates, after every completed trial, in order
    of arrival.

    Raises:
        NotFound: no such study.
    """
    return database.read(lambda uow: convergence_of(uow, uow.studies.get(name)))


def convergence_of(uow: UnitOfWork, study: Study) -> Convergence:
    """The same within a transaction."""
    if study.goals.plain:
        return _of_values(study, uow.trials.arrivals(study))
    arrivals = uow.trials.measured_arrivals(study)
    if len(study.goals.objectives) == 1:
        return _of_counting(study, arrivals)
    return _of_front(study, arrivals)


def _of_values(study: Study, arrivals: list[Arrival]) -> Convergence:
    points: list[ConvergencePoint] = []
    best: float | None = None
    for arrival in arrivals:
        if study.improves(arrival.value, best):
            best = arrival.value
        points.append(
            ConvergencePoint(trial=arrival.number, value=arrival.value, best=best, at=arrival.received_at)
        )
    return Convergence(
        objective=study.objective, points=tuple(points), objectives=study.definition.objectives
    )


def _of_counting(study: Study, arrivals: list[MeasuredArrival]) -> Convergence:
    """One objective with outcome constraints or a fidelity."""
    points: list[ConvergencePoint] = []
    best: float | None = None
    for arrival in arrivals:
        trial = arrival.trial
        counts = study.counts(trial.values, trial.params)
        if counts and study.improves(trial.value, best):
            best = trial.value
        points.append(
            ConvergencePoint(
                trial=trial.number,
                value=trial.value,
                best=best,
                at=arrival.received_at,
                counts=counts,
                metrics=trial.values,
            )
        )
    return Convergence(
        objective=study.objective, points=tuple(points), objectives=study.definition.objectives
    )


def _of_front(study: Study, arrivals: list[MeasuredArrival]) -> Convergence:
    """Several objectives. All volumes are measured from the point that the present front gives."""
    goals = study.goals
    counting = [study.counts(arrival.trial.values, arrival.trial.params) for arrival in arrivals]
    utilities = [goals.utilities(arrival.trial.values) for arrival in arrivals]
    present = Front[None]()
    for counts, point in zip(counting, utilities, strict=True):
        if counts:
            present.add(point, None)
    measured = len(goals.objectives) <= MAX_FOR_HYPERVOLUME and bool(present.points)
    reference = reference_point(present.points) if measured else None
    volume = 0.0
    growing = Front[None]()
    points: list[ConvergencePoint] = []
    for arrival, counts, point in zip(arrivals, counting, utilities, strict=True):
        if counts and reference is not None:
            before = growing.points
            if growing.add(point, None):
                volume += contribution(point, before, reference)
        points.append(
            ConvergencePoint(
                trial=arrival.trial.number,
                value=arrival.trial.value,
                best=None,
                at=arrival.received_at,
                counts=counts,
                metrics=arrival.trial.values,
                hypervolume=None if reference is None else volume,
            )
        )
    names = [objective.name for objective in goals.objectives]
    shown = None
    if reference is not None:
        shown = {name: goals.signs[name] * x for name, x in zip(names, reference, strict=True)}
    return Convergence(
        objective=study.objective,
        points=tuple(points),
        objectives=study.definition.objectives,
        reference=shown,
    )
