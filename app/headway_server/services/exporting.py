"""A study's data as a file: a table of its trials, each trial with its history, or all of it.

A file is written within one snapshot of the database and sent afterwards: no transaction waits for a slow
reader, and memory holds a few hundred trials at a time.
"""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import IO, Literal

from headway.wire.archive import (
    VERSION,
    ArchivedContents,
    ArchivedEvent,
    ArchivedMeasurement,
    ArchivedSpace,
    ArchivedStudy,
    ArchivedTrial,
)
from headway.wire.space import Space
from headway.wire.trial_filter import EVERY_TRIAL
from headway_server.domain.study import Study
from headway_server.domain.trial import Trial
from headway_server.services.archived_audits import archived_audit, taking_part
from headway_server.services.trial_columns import header
from headway_server.services.views import trial_view
from headway_server.storage.database import Database
from headway_server.storage.measurements import StudyMeasurement
from headway_server.storage.tables import Event
from headway_server.storage.unit_of_work import UnitOfWork

Format = Literal["csv", "ndjson", "parquet", "json"]

AT_ONCE = 500
"""Trials, and events, in memory at a time."""
IN_MEMORY_BYTES = 1024 * 1024
"""A file below this size never touches the disk."""


@dataclass(frozen=True)
class Export:
    """A file ready to be sent, whose reader closes it; no file where the caller has the same already."""

    etag: str
    file: IO[bytes] | None


def export(database: Database, name: str, layout: Format, known: str | None = None) -> Export:
    """Write the study's data.

    Args:
        database: where it is.
        name: of the study.
        layout: `csv` and `parquet`: a row a trial. `ndjson`: a line a trial, as the API shows it. `json`: all
            of it, to be imported again.
        known: the ETag of what the caller has.

    Raises:
        NotFound: no such study.
    """
    return database.snapshot(partial(_write, name, layout, known))


def _write(name: str, layout: Format, known: str | None, uow: UnitOfWork) -> Export:
    study = uow.studies.get(name)
    etag = f'"{layout}-{_mark(uow, study, layout)}"'
    if known is not None and etag in known:
        return Export(etag, None)
    with ExitStack() as undo:
        file = undo.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))
        _WRITERS[layout](uow, study, file)
        file.seek(0)
        undo.pop_all()
        return Export(etag, file)


def _write_csv(uow: UnitOfWork, study: Study, file: IO[bytes]) -> None:
    names = header(study, _earlier(uow, study))
    lines = csv.writer(_Encoded(file), lineterminator="\n")
    lines.writerow(names)
    for columns in _pages(uow, study, names):
        lines.writerows([_spelt(cell) for cell in row] for row in zip(*columns.values(), strict=True))


class _Encoded:
    """What a csv writer writes to: text into a binary file, without one that closes it behind itself."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())


def _spelt(cell: object) -> object:
    """A cell as JSON spells it, and a text as it is."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else cell


def _write_parquet(uow: UnitOfWork, study: Study, file: IO[bytes]) -> None:
    from headway_server.services.parquet import write_parquet

    earlier = _earlier(uow, study)
    write_parquet(study, earlier, _pages(uow, study, header(study, earlier)), file)


def _write_ndjson(uow: UnitOfWork, study: Study, file: IO[bytes]) -> None:
    for trials in _trials(uow, study):
        file.writelines(trial_view(trial).model_dump_json().encode() + b"\n" for trial in trials)


def _mark(uow: UnitOfWork, study: Study, layout: Format) -> str:
    """Identifies what the file would hold: of JSON the studies of its audits, too."""
    own = uow.table.mark(study)
    parts = taking_part(uow, study) if layout == "json" else []
    if not parts:
        return own
    marks = [own, *(uow.table.mark(one) for one in parts)]
    return hashlib.sha256(" ".join(marks).encode()).hexdigest()[: len(own)]


def _write_json(uow: UnitOfWork, study: Study, file: IO[bytes]) -> None:
    file.write(b'{"format":"headway-study","version":%d,' % VERSION)
    _write_contents(uow, study, file)
    if audits := uow.campaign_audits.of(study):
        file.write(b',"audits":[')
        _write_list(file, (archived_audit(audit).model_dump_json() for audit in audits))
        file.write(b'],"companions":[')
        for index, one in enumerate(taking_part(uow, study)):
            own = one.audit_of == study.name
            file.write(b",\n" if index else b"\n")
            file.write(b'{"made_for_audit":%b,' % (b"true" if own else b"false"))
            _write_contents(uow, one, file)
            file.write(b"}")
        file.write(b"]")
    file.write(b"}\n")


def _write_contents(uow: UnitOfWork, study: Study, file: IO[bytes]) -> None:
    """The members of an object that hold a study and all that happened to it."""
    versions = uow.spaces.versions(study) if study.space_version > 1 else ()
    spaces = tuple(ArchivedSpace.model_validate(one) for one in versions)
    frame = ArchivedContents.model_construct(
        study=ArchivedStudy.model_validate(study), spaces=spaces, trials=(), events=()
    )
    head = frame.model_dump_json(include={"study", "spaces"})
    file.write(head[1:-1].encode() + b',"trials":[')
    trials = (ArchivedTrial.model_validate(trial) for page in _trials(uow, study) for trial in page)
    _write_list(file, (trial.model_dump_json() for trial in trials))
    file.write(b'],"events":[')
    events = (ArchivedEvent.model_validate(event) for event in _events(uow, study))
    _write_list(file, (event.model_dump_json() for event in events))
    file.write(b'],"measurements":[')
    measured = (ArchivedMeasurement.model_validate(row) for row in _measurements(uow, study))
    _write_list(file, (row.model_dump_json() for row in measured))
    file.write(b"]")


def _write_list(file: IO[bytes], items: Iterator[str]) -> None:
    for index, item in enumerate(items):
        file.write((",\n" if index else "\n").encode() + item.encode())


_WRITERS: Mapping[Format, Callable[[UnitOfWork, Study, IO[bytes]], None]] = {
    "csv": _write_csv,
    "ndjson": _write_ndjson,
    "parquet": _write_parquet,
    "json": _write_json,
}


def _earlier(uow: UnitOfWork, study: Study) -> list[Space]:
    """The versions of the search space before the present one."""
    return [one.space for one in uow.spaces.versions(study)[:-1]]


def _pages(uow: UnitOfWork, study: Study, names: Sequence[str]) -> Iterator[dict[str, list[object]]]:
    after = 0
    while (columns := uow.table.columns(study, names, after, AT_ONCE))["number"]:
        yield columns
        after = int(str(columns["number"][-1]))


def _trials(uow: UnitOfWork, study: Study) -> Iterator[Sequence[Trial]]:
    after = 0
    while trials := uow.table.page(study, after, AT_ONCE, EVERY_TRIAL):
        yield trials
        after = trials[-1].number
        uow.forget()


def _measurements(uow: UnitOfWork, study: Study) -> Iterator[StudyMeasurement]:
    after = (0, 0, 0)
    while rows := uow.measurements.of_study(study, after, AT_ONCE):
        yield from rows
        after = (rows[-1].trial, rows[-1].attempt, rows[-1].step)


def _events(uow: UnitOfWork, study: Study) -> Iterator[Event]:
    after = 0
    while events := uow.events.after(study, after, AT_ONCE):
        yield from events
        after = events[-1].seq
