"""Results measured elsewhere, as records or columns, made into requests."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from headway.errors import ValidationFailed
from headway.wire.base import ParamValue
from headway.wire.observations import MAX_ROWS, ImportedRow, ImportRequest, ImportResponse
from headway.wire.study import StudyDefinition

Rows = Iterable[Mapping[str, Any]] | Mapping[str, Sequence[Any]]
"""Records, or columns of one length."""

STD_ERROR = ".std_error"
"""What the column of a metric's standard error ends with."""
ABOUT = ("client_id", "outcome", "reason", "message")
"""Columns that are neither a parameter nor a metric."""


def requests_of(rows: Rows, definition: StudyDefinition, *, dry_run: bool = False) -> list[ImportRequest]:
    """The rows in requests of at most 5,000.

    Raises:
        ValidationFailed: a row can't be read.
        TypeError: a row is no mapping.
    """
    parameters = {parameter.name for parameter in definition.space.scalars}
    try:
        read = [_row(record, parameters) for record in _records(rows)]
    except ValidationError as error:
        raise ValidationFailed.before_sending("A row", error) from error
    named = _with_names(read)
    return [
        ImportRequest(rows=tuple(named[start : start + MAX_ROWS]), dry_run=dry_run)
        for start in range(0, len(named), MAX_ROWS)
    ]


def sum_of(answers: Sequence[ImportResponse]) -> ImportResponse:
    """The answers to several requests as one; rows are counted on."""
    rows = [row for answer in answers for row in answer.rows]
    return ImportResponse(
        dry_run=any(answer.dry_run for answer in answers),
        imported=sum(answer.imported for answer in answers),
        duplicates=sum(answer.duplicates for answer in answers),
        refused=sum(answer.refused for answer in answers),
        best_changed=any(answer.best_changed for answer in answers),
        rows=tuple(row.model_copy(update={"index": index}) for index, row in enumerate(rows)),
    )


def _records(rows: Rows) -> list[Mapping[str, Any]]:
    # A data frame is a mapping in all but name: it has columns by name, and iterates over the names.
    columns = rows if hasattr(rows, "keys") and hasattr(rows, "__getitem__") else None
    if columns is None:
        return [_mapping(index, record) for index, record in enumerate(rows)]
    names = list(columns.keys())
    return [dict(zip(names, cells, strict=True)) for cells in zip(*(columns[n] for n in names), strict=True)]


def _mapping(index: int, record: object) -> Mapping[str, Any]:
    if not isinstance(record, Mapping):
        raise TypeError(
            f"rows[{index}] is {record!r:.80}, which has no names. Give each row as a mapping, or all "
            "of them as a mapping of columns."
        )
    return record


def _row(record: Mapping[str, Any], parameters: set[str]) -> ImportedRow:
    given = {name: plain for name, cell in record.items() if (plain := _plain(cell)) is not None}
    metrics = metrics_of({n: value for n, value in given.items() if n not in parameters and n not in ABOUT})
    about = {name: given[name] for name in ABOUT if name in given and name not in parameters}
    point = {name: given[name] for name in parameters if name in given}
    return ImportedRow.model_validate({"params": point, "metrics": metrics} | about)


def metrics_of(cells: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Metrics by name, as the wire has them, from cells of columns METRIC and METRIC.std_error."""
    metrics: dict[str, dict[str, object]] = {}
    for name, value in cells.items():
        part = "std_error" if name.endswith(STD_ERROR) else "value"
        metrics.setdefault(name.removesuffix(STD_ERROR), {})[part] = value
    return metrics


def _plain(cell: object) -> ParamValue | None:
    """A cell as JSON has it: numpy's scalars as Python's; None for what a data frame has where nothing is."""
    item = getattr(cell, "item", None)
    value = item() if callable(item) else cell
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    return value if isinstance(value, bool | int | float | str) else str(value)


def _with_names(rows: Sequence[ImportedRow]) -> list[ImportedRow]:
    """The rows, each with a `client_id`: its own, or one made of its content and its place among equals."""
    seen: Counter[str] = Counter()
    named: list[ImportedRow] = []
    for row in rows:
        if row.client_id is not None:
            named.append(row)
            continue
        content = row.model_dump_json(exclude={"client_id"})
        digest = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:40]
        seen[digest] += 1
        named.append(row.model_copy(update={"client_id": f"{digest}-{seen[digest]}"}))
    return named
