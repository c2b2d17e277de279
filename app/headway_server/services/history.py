"""What happened to a study, for those who follow it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headway_server.storage.database import Database
from headway_server.storage.unit_of_work import UnitOfWork

PAGE = 500
"""Most events that one read returns."""


@dataclass(frozen=True)
class Happening:
    """One event of a study."""

    seq: int
    type: str
    trial: int | None
    data: dict[str, object]
    at: datetime


def events_after(database: Database, name: str, seq: int) -> list[Happening]:
    """The events after a sequence number, in order, at most `PAGE` of them.

    Raises:
        NotFound: no such study.
    """

    def work(uow: UnitOfWork) -> list[Happening]:
        rows = uow.events.after(uow.studies.get(name), seq, PAGE)
        return [Happening(row.seq, row.type, row.trial, row.data, row.at) for row in rows]

    return database.read(work)


def last_seq(database: Database, name: str) -> int:
    """The number of the study's last event.

    Raises:
        NotFound: no such study.
    """
    return database.read(lambda uow: uow.studies.get(name).last_seq)
