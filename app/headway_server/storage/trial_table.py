"""Trials read as a table: columns, without the objects around them, of the trials that a reader chooses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, Connection, Select, String, Text, case, func, or_, select, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from headway.wire.trial_filter import EVERY_TRIAL, TrialFilter
from headway_server.domain.study import Study
from headway_server.domain.trial import Trial
from headway_server.storage.identity_map import IdentityMap
from headway_server.storage.tables import attempts, measurements, observations, trials
from headway_server.storage.trial_loading import TrialLoader

METRIC, PARAM = "metrics.", "params."
"""What the names of columns begin with that are named by the study."""

AT_ONCE = 20_000
"""Numbers in one query: both databases limit how many values it takes."""

PART = 1_000
"""Rows taken from a long result at a time."""


class _ReceiptPolicy(FunctionElement[str]):
    """The policy in the JSON text of a receipt."""

    type = String()
    inherit_cache = True
    name = "receipt_policy"


@compiles(_ReceiptPolicy, "sqlite")
def _sqlite(element: _ReceiptPolicy, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **options)}, '$.policy')"


@compiles(_ReceiptPolicy, "postgresql")
def _postgres(element: _ReceiptPolicy, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS json) ->> 'policy'"


_stands = (
    (observations.c.trial_id == trials.c.id)
    & (observations.c.outcome == "completed")
    & observations.c.superseded.is_(False)
)
_policy = _ReceiptPolicy(trials.c.origin)
_last_worker = (
    select(attempts.c.worker)
    .where(attempts.c.trial_id == trials.c.id)
    .order_by(attempts.c.number.desc())
    .limit(1)
    .correlate(trials)
    .scalar_subquery()
)
_OWN: Mapping[str, ColumnElement[Any]] = {
    "number": trials.c.number,
    "state": trials.c.state,
    "value": observations.c.value,
    "std_error": observations.c.std_error,
    "received_at": observations.c.received_at,
    "space_version": trials.c.space_version,
    "policy": _policy,
    "worker": _last_worker,
    "client_id": trials.c.client_id,
    "excluded": trials.c.excluded,
    "tags": trials.c.tags,
    "note": trials.c.note,
    "created_at": trials.c.created_at,
    "updated_at": trials.c.updated_at,
}
"""The columns that every study has. `value`, `std_error` and `received_at` are those of the observation that
stands for the trial, `worker` is who made the last attempt."""
# As text: all of a column's JSON is parsed at once, which is ten times faster than one by one.
_JSON: Mapping[str, ColumnElement[Any]] = {
    METRIC: type_coerce(observations.c.metrics, Text),
    PARAM: type_coerce(trials.c.params, Text),
}
_READ = {**_OWN, **_JSON}


class TrialTable:
    """Reads the trials of a study."""

    def __init__(self, connection: Connection, objects: IdentityMap) -> None:
        self._connection = connection
        self._loader = TrialLoader(connection, objects)

    def page(self, study: Study, after: int, limit: int, chosen: TrialFilter) -> Sequence[Trial]:
        """Up to `limit` of the chosen trials with numbers above `after`, by number."""
        query = _chosen(select(trials), study, chosen).where(trials.c.number > after)
        return self._loader.load(query.order_by(trials.c.number).limit(limit))

    def count(self, study: Study, chosen: TrialFilter) -> int:
        """How many trials are chosen."""
        query = _chosen(select(func.count()).select_from(trials), study, chosen)
        number: int = self._connection.scalars(query).one()
        return number

    def columns(
        self, study: Study, names: Sequence[str], after: int, limit: int, chosen: TrialFilter = EVERY_TRIAL
    ) -> dict[str, list[object]]:
        """Columns of the same page as `page`; None where a value is not known.

        Args:
            study: whose trials.
            names: keys of the answer: `number`, `state`, …, `metrics.NAME`, `params.NAME`.
            after: the number after which the page begins.
            limit: the most rows.
            chosen: which trials.
        """
        query = _chosen(_rows(names), study, chosen).where(trials.c.number > after)
        rows = self._connection.execute(query.order_by(trials.c.number).limit(limit)).all()
        return _columns(names, rows)

    def numbered(self, study: Study, names: Sequence[str], numbers: Sequence[int]) -> dict[str, list[object]]:
        """Columns of the trials of these numbers, which ascend."""
        query = _chosen(_rows(names), study, EVERY_TRIAL).order_by(trials.c.number)
        rows: list[Any] = []
        for start in range(0, len(numbers), AT_ONCE):
            some = trials.c.number.in_(numbers[start : start + AT_ONCE])
            rows += self._connection.execute(query.where(some)).all()
        return _columns(names, rows)

    def series(self, study: Study, chosen: TrialFilter) -> tuple[list[int], list[float | None]]:
        """Numbers and values of all chosen trials, by number: what a downsampling looks at. An excluded
        trial has none.
        """
        value = case((trials.c.excluded, None), else_=observations.c.value)
        query = _chosen(_standing(trials.c.number, value), study, chosen)
        return self._two(query.order_by(trials.c.number))

    def arrivals(self, study: Study) -> tuple[list[int], list[float]]:
        """Numbers and values of all completed trials that are not excluded, in order of arrival."""
        query = select(trials.c.number, observations.c.value).join(observations, _stands)
        counting = (trials.c.study_id == study.id) & trials.c.excluded.is_(False)
        return self._two(query.where(counting).order_by(observations.c.seq))

    def _two(self, query: Select[Any]) -> tuple[list[Any], list[Any]]:
        """The two columns of a long result. A part at a time: 100,000 rows that live at once keep Python's
        garbage collector busy for as long as the query takes.
        """
        first: list[Any] = []
        second: list[Any] = []
        for part in self._connection.execute(query).partitions(PART):
            ones, twos = zip(*part, strict=True)
            first += ones
            second += twos
        return first, second

    def mark(self, study: Study) -> str:
        """Identifies all that a study's trials, attempts, measurements and events are at this moment: it
        changes with any of them.
        """
        of_study = trials.c.study_id == study.id
        states = self._connection.execute(
            select(trials.c.state, func.count(), func.max(trials.c.updated_at))
            .where(of_study)
            .group_by(trials.c.state)
            .order_by(trials.c.state)
        ).all()
        beats = self._connection.execute(
            select(func.max(attempts.c.heartbeat_at), func.count()).join(trials).where(of_study)
        ).one()
        measured = self._connection.scalars(
            select(func.count()).where(measurements.c.study_id == study.id)
        ).one()
        counters = (
            study.id,
            study.last_seq,
            study.trials_created,
            study.trials_imported,
            study.space_version,
            measured,
        )
        told = repr((counters, study.state, study.updated_at, [tuple(row) for row in states], tuple(beats)))
        return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()


def _rows(names: Iterable[str]) -> Select[Any]:
    """The query for the columns of these names: no other is read."""
    return _standing(*(_READ[source] for source in _sources(names)))


def _sources(names: Iterable[str]) -> list[str]:
    """What is read for these columns, once each: all that are parts of one JSON text come in that."""
    return list(dict.fromkeys(next((one for one in _JSON if name.startswith(one)), name) for name in names))


def _standing(*columns: Any) -> Select[Any]:
    """Trials, each with the observation that stands for it."""
    return select(*columns).select_from(trials.outerjoin(observations, _stands))


def _chosen(query: Select[Any], study: Study, chosen: TrialFilter) -> Select[Any]:
    query = query.where(trials.c.study_id == study.id)
    if chosen.state is not None:
        query = query.where(trials.c.state == chosen.state)
    if chosen.worker is not None:
        made = select(attempts.c.trial_id).where(
            attempts.c.trial_id == trials.c.id, attempts.c.worker == chosen.worker
        )
        query = query.where(made.exists())
    if chosen.policy is not None:
        query = query.where(_policy == chosen.policy)
    if chosen.updated_after is not None:
        query = query.where(trials.c.updated_at > chosen.updated_after)
    if chosen.tag is not None:
        tags, tag = type_coerce(trials.c.tags, Text), to_json(chosen.tag).decode()
        # Within a tag a quotation mark follows a backslash: it is no beginning of one.
        query = query.where(or_(*(func.replace(tags, lead + tag, "") != tags for lead in ("[", ","))))
    if chosen.excluded is not None:
        query = query.where(trials.c.excluded.is_(chosen.excluded))
    return query


def _columns(names: Sequence[str], rows: Sequence[Any]) -> dict[str, list[object]]:
    sources = _sources(names)
    cells = dict(zip(sources, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(sources, ())
    parsed = {source: _parsed(cells[source]) for source in sources if source in _JSON}
    return {name: _column(name, cells, parsed) for name in names}


def _column(
    name: str, cells: Mapping[str, Sequence[object]], parsed: Mapping[str, Sequence[dict[str, Any]]]
) -> list[object]:
    if name.startswith(PARAM):
        parameter = name.removeprefix(PARAM)
        return [one.get(parameter) for one in parsed[PARAM]]
    if name.startswith(METRIC):
        metric = name.removeprefix(METRIC)
        return [one[metric]["value"] if metric in one else None for one in parsed[METRIC]]
    if name == "tags":
        return [" ".join(cast("tuple[str, ...]", tags)) or None for tags in cells[name]]
    if name == "note":
        return [one or None for one in cells[name]]
    return list(cells[name])


def _parsed(texts: Sequence[Any]) -> Sequence[dict[str, Any]]:
    objects: list[dict[str, Any]] = from_json("[" + ",".join(text or "{}" for text in texts) + "]")
    return objects
