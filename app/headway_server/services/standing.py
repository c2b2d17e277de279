"""Where a study stands: its incumbent, or the front of its objectives, and what would improve on that."""

from __future__ import annotations

from headway_server.domain.pareto import Front, dominates
from headway_server.domain.study import Study
from headway_server.domain.trial import Measured
from headway_server.storage.database import UnitOfWork
from headway_server.storage.rows import Incumbent


def front(uow: UnitOfWork, study: Study) -> Front[Incumbent]:
    """The completed trials that count and that no other dominates, in order of arrival."""
    found = Front[Incumbent]()
    for arrival in uow.trials.measured_arrivals(study):
        trial = arrival.trial
        if study.counts(trial.values, trial.params):
            found.add(study.goals.utilities(trial.values), trial)
    return found


def improves(uow: UnitOfWork, study: Study, measured: Measured) -> bool:
    """Whether a completed result beats the incumbent; of several objectives, whether it joins the front."""
    values = {name: metric.value for name, metric in measured.metrics.items()}
    if measured.value is None or not study.counts(values, measured.params):
        return False
    if len(study.goals.objectives) == 1:
        best = uow.trials.incumbent(study)
        return study.improves(measured.value, best.value if best else None)
    point = study.goals.utilities(values)
    return not any(kept == point or dominates(kept, point) for kept in front(uow, study).points)
