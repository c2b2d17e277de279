"""Results that were measured elsewhere become trials, in batches.

They cost no budget: the budget says how many trials are handed out, and nobody was sent to these. They
are taken in any state of the study, as every measured value is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from headway.wire.observations import ImportedRow, ImportRequest, ImportResponse, RowProblem, RowResult
from headway.wire.problem import FieldError
from headway_server.domain.brought import content_of, imported
from headway_server.domain.errors import HeadwayError, InvalidRequest, RowConflict
from headway_server.domain.measured import Measured, measured_metrics
from headway_server.domain.pareto import Front
from headway_server.domain.space import SearchSpace
from headway_server.domain.study import Study
from headway_server.services.standing import front
from headway_server.storage.database import Database
from headway_server.storage.rows import Incumbent
from headway_server.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Checked:
    """A row with what was found about it before anything was locked."""

    row: ImportedRow
    content: str
    """Hash of the row: what makes a second one under the same `client_id` the same."""
    measured: Measured | InvalidRequest


def import_rows(database: Database, name: str, request: ImportRequest) -> ImportResponse:
    """Take in every row that makes sense, in order, in one transaction; say of each what became of it.

    Raises:
        NotFound: no such study.
    """
    run = database.read if request.dry_run else database.write
    while True:
        study = database.read(lambda uow: uow.studies.get(name))
        take = partial(_take, study, _check(study, request.rows), dry_run=request.dry_run)
        response = run(take)
        if response is not None:
            return response


def _check(study: Study, rows: Sequence[ImportedRow]) -> list[Checked]:
    """The rows against the study's space and metrics: computed outside the transaction."""
    space = SearchSpace.from_wire(study.definition.space)
    checked: list[Checked] = []
    for index, row in enumerate(rows):
        measured: Measured | InvalidRequest
        try:
            measured = measured_metrics(
                study, row.outcome, row.metrics, space.check(row.params, f"/rows/{index}/params")
            )
        except InvalidRequest as refused:
            measured = refused
        checked.append(Checked(row, content_of(row), measured))
    return checked


def _take(read: Study, rows: Sequence[Checked], uow: UnitOfWork, *, dry_run: bool) -> ImportResponse | None:
    """What becomes of rows that were checked against a study as it was read; None where its space has been
    changed since then.
    """
    study = uow.studies.get(read.name) if dry_run else uow.studies.lock(read.name)
    if (study.id, study.space_version) != (read.id, read.space_version):
        return None
    known: dict[str, tuple[int | None, str | None]] = {
        **uow.trials.imported(study, [one.row.client_id for one in rows if one.row.client_id is not None])
    }
    standing = front(uow, study)
    results: list[RowResult] = []
    best_changed = False
    for index, one in enumerate(rows):
        key = one.row.client_id
        if isinstance(one.measured, InvalidRequest):
            results.append(_refused(index, key, one.measured))
            continue
        if key is not None and key in known:
            number, content = known[key]
            if content == one.content:
                results.append(RowResult(index=index, client_id=key, status="duplicate", number=number))
            else:
                results.append(_refused(index, key, _conflict(index, key, number)))
            continue
        improves = _joins(standing, study, one.measured)
        best_changed = best_changed or improves
        number = None if dry_run else _store(uow, study, one, one.measured, improves=improves)
        if key is not None:
            known[key] = (number, one.content)
        results.append(RowResult(index=index, client_id=key, status="imported", number=number))
    counts = Counter(result.status for result in results)
    return ImportResponse(
        dry_run=dry_run,
        imported=counts["imported"],
        duplicates=counts["duplicate"],
        refused=counts["refused"],
        best_changed=best_changed,
        rows=tuple(results),
    )


def _store(uow: UnitOfWork, study: Study, one: Checked, measured: Measured, *, improves: bool) -> int:
    seq = study.last_seq + 1
    trial = imported(study, one.row, measured, content=one.content, seq=seq, now=uow.now)
    uow.trials.add(trial)
    uow.events.record(
        study,
        "trial.imported",
        uow.now,
        trial=trial.number,
        outcome=one.row.outcome,
        value=measured.value,
    )
    if improves:
        uow.events.record(study, "best.improved", uow.now, trial=trial.number, value=measured.value)
    return trial.number


def _joins(standing: Front[Incumbent], study: Study, measured: Measured) -> bool:
    """Whether a result joins the front, of which one objective's incumbent is the smallest; it does then."""
    values = {name: metric.value for name, metric in measured.metrics.items()}
    if measured.value is None or not study.counts(values, measured.params):
        return False
    incumbent = Incumbent(0, measured.params, measured.value, measured.std_error, measured.metrics)
    return standing.add(study.goals.utilities(values), incumbent)


def _conflict(index: int, key: str, number: int | None) -> RowConflict:
    where = "an earlier row of this batch" if number is None else f"trial {number}"
    return RowConflict.at(
        f"/rows/{index}/client_id",
        f"{where} has client_id {key!r} and another content.",
        "Give the row a client_id of its own; to correct a result, change its trial.",
    )


def _refused(index: int, key: str | None, error: HeadwayError) -> RowResult:
    return RowResult(
        index=index,
        client_id=key,
        status="refused",
        problem=RowProblem(
            code=error.slug,
            detail=error.detail,
            errors=tuple(_within(index, field) for field in error.fields),
        ),
    )


def _within(index: int, field: FieldError) -> FieldError:
    """A field of a row, as a place in the request."""
    row = f"/rows/{index}"
    if field.pointer.startswith(row):
        return field
    return field.model_copy(update={"pointer": row + field.pointer})
