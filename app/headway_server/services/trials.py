"""Reading trials: one, a page, or columns for a plot."""

from __future__ import annotations

from headway.wire.trial import TrialColumns, TrialPage, TrialState, TrialView
from headway_server.domain.errors import InvalidCursor
from headway_server.domain.trial import Trial
from headway_server.services.views import trial_view
from headway_server.storage.database import Database, UnitOfWork


def read(database: Database, name: str, number: int) -> TrialView:
    """One trial.

    Raises:
        NotFound: no such study or trial.
    """
    return database.read(lambda uow: trial_view(uow.trials.get(uow.studies.get(name), number)))


def page(
    database: Database, name: str, cursor: str | None, limit: int, state: TrialState | None
) -> TrialPage:
    """Up to `limit` trials by number, after the one that the cursor names.

    Raises:
        NotFound: no such study.
        InvalidCursor: not a cursor that a page gave.
    """
    after = _number(cursor)

    def work(uow: UnitOfWork) -> TrialPage:
        rows = uow.trials.page(uow.studies.get(name), after, limit + 1, state)
        return TrialPage(
            trials=tuple(trial_view(trial) for trial in rows[:limit]),
            next_cursor=str(rows[limit - 1].number) if len(rows) > limit else None,
        )

    return database.read(work)


def columns(
    database: Database, name: str, cursor: str | None, limit: int, state: TrialState | None
) -> TrialColumns:
    """The same page as columns: number, state, value, std_error, excluded, one column per metric
    where there is more than the objective, then one column per parameter.

    Raises:
        what `page` raises.
    """
    after = _number(cursor)

    def work(uow: UnitOfWork) -> TrialColumns:
        study = uow.studies.get(name)
        rows = uow.trials.page(study, after, limit + 1, state)
        views = [trial_view(trial) for trial in rows[:limit]]
        table: dict[str, list[object]] = {
            "number": [view.number for view in views],
            "state": [view.state for view in views],
            "value": [view.value for view in views],
            "std_error": [view.std_error for view in views],
            "excluded": [view.excluded for view in views],
        }
        if len(study.goals.metrics) > 1:
            for metric in study.goals.metrics:
                table[f"metrics.{metric}"] = [_metric(trial, metric) for trial in rows[:limit]]
        for parameter in study.definition.space.parameters:
            table[f"params.{parameter.name}"] = [
                view.params.get(parameter.name) if view.params else None for view in views
            ]
        return TrialColumns(
            columns=table, next_cursor=str(rows[limit - 1].number) if len(rows) > limit else None
        )

    return database.read(work)


def _metric(trial: Trial, name: str) -> float | None:
    """A metric of the observation that stands for the trial."""
    seen = trial.counting
    return seen.metrics[name].value if seen and name in seen.metrics else None


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 9):
        raise InvalidCursor.given(cursor)
    return int(cursor)
