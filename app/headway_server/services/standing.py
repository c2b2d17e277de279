"""Where a study stands: its incumbent, or the front of its objectives, and what would improve on that."""

from __future__ import annotations

from contextlib import closing

from headway_server.domain.audit import Counted
from headway_server.domain.measured import Measured
from headway_server.domain.pareto import Front, dominates
from headway_server.domain.study import Study
from headway_server.storage.rows import Incumbent
from headway_server.storage.unit_of_work import UnitOfWork


def front(uow: UnitOfWork, study: Study) -> Front[Incumbent]:
    """The completed trials that count and that no other dominates, in order of arrival."""
    found = Front[Incumbent]()
    for arrival in uow.trials.measured_arrivals(study):
        trial = arrival.trial
        if study.counts(trial.values, trial.params):
            found.add(study.goals.utilities(trial.values), trial)
    return found


def counted_trials(uow: UnitOfWork, study: Study) -> list[Counted]:
    """The completed trials that may be the best of one objective, in order of arrival."""
    arrivals = (arrival.trial for arrival in uow.trials.measured_arrivals(study))
    return [
        Counted(one.number, one.params, one.value) for one in arrivals if study.counts(one.values, one.params)
    ]


def improves(uow: UnitOfWork, study: Study, measured: Measured) -> bool:
    """Whether a completed result beats the incumbent; of several objectives, whether it joins the front."""
    values = {name: metric.value for name, metric in measured.metrics.items()}
    if measured.value is None or not study.counts(values, measured.params):
        return False
    if study.goals.plain:
        return not uow.trials.any_as_good(study, measured.value)
    if len(study.goals.objectives) == 1:
        best = uow.trials.incumbent(study)
        return study.improves(measured.value, best.value if best else None)
    point = study.goals.utilities(values)
    with closing(uow.trials.ranked(study)) as ranked:
        for trial in ranked:
            kept = study.goals.utilities(trial.values)
            if kept[0] < point[0]:  # and so are all that follow
                return True
            if (kept == point or dominates(kept, point)) and study.counts(trial.values, trial.params):
                return False
    return True
