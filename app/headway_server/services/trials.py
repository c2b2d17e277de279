"""Reading trials: one, a page, or columns for a plot."""

from __future__ import annotations

from collections.abc import Sequence

from headway.wire.trial import TrialColumns, TrialPage, TrialView
from headway.wire.trial_filter import EVERY_TRIAL, TrialFilter
from headway_server.domain.downsampling import downsampled
from headway_server.domain.errors import InvalidCursor
from headway_server.services.trial_columns import named, shown_cells
from headway_server.services.views import trial_view
from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork


def read(database: Database, name: str, number: int) -> TrialView:
    """One trial.

    Raises:
        NotFound: no such study or trial.
    """
    return database.read(lambda uow: trial_view(uow.trials.get(uow.studies.get(name), number)))


def page(
    database: Database,
    name: str,
    cursor: str | None,
    limit: int,
    chosen: TrialFilter = EVERY_TRIAL,
    *,
    exact: bool = False,
) -> TrialPage:
    """Up to `limit` trials by number, after the one that the cursor names.

    Args:
        database: where they are.
        name: of the study.
        cursor: of the page before.
        limit: how many.
        chosen: which trials.
        exact: count all that are chosen, too.

    Raises:
        NotFound: no such study.
        InvalidCursor: not a cursor that a page gave.
    """
    after = _number(cursor)

    def work(uow: UnitOfWork) -> TrialPage:
        study = uow.studies.get(name)
        rows = uow.table.page(study, after, limit + 1, chosen)
        return TrialPage(
            trials=tuple(trial_view(trial) for trial in rows[:limit]),
            next_cursor=str(rows[limit - 1].number) if len(rows) > limit else None,
            count=uow.table.count(study, chosen) if exact else None,
        )

    return database.read(work)


def columns(
    database: Database,
    name: str,
    cursor: str | None,
    limit: int,
    chosen: TrialFilter = EVERY_TRIAL,
    *,
    fields: Sequence[str] = (),
    exact: bool = False,
) -> TrialColumns:
    """The same page as columns: number, state, value, std_error, one column per metric where there is more
    than the objective, then one column per parameter; or those that `fields` names.

    Raises:
        what `page` raises.
        ValidationFailed: there is no column of this name.
    """
    after = _number(cursor)

    def work(uow: UnitOfWork) -> TrialColumns:
        study = uow.studies.get(name)
        table = uow.table.columns(study, named(study, fields), after, limit + 1, chosen)
        numbers = table["number"]
        return TrialColumns(
            columns={key: shown_cells(cells[:limit]) for key, cells in table.items()},
            next_cursor=str(numbers[limit - 1]) if len(numbers) > limit else None,
            count=uow.table.count(study, chosen) if exact else None,
        )

    return database.read(work)


def overview(
    database: Database,
    name: str,
    max_points: int,
    chosen: TrialFilter = EVERY_TRIAL,
    *,
    fields: Sequence[str] = (),
) -> TrialColumns:
    """All chosen trials as columns of at most `max_points` entries, of which no incumbent is missing.

    Raises:
        NotFound: no such study.
        ValidationFailed: there is no column of this name.
    """

    def work(uow: UnitOfWork) -> TrialColumns:
        study = uow.studies.get(name)
        names = named(study, fields)
        numbers, values = uow.table.series(study, chosen)
        kept = downsampled(values, max_points, maximize=study.maximize)
        table = uow.table.numbered(study, names, [numbers[i] for i in kept])
        return TrialColumns(
            columns={key: shown_cells(cells) for key, cells in table.items()}, count=len(numbers)
        )

    return database.snapshot(work)


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 9):
        raise InvalidCursor.given(cursor)
    return int(cursor)
