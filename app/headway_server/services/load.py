"""How much there is to do, in all projects."""

from __future__ import annotations

from headway_server.storage.database import Database
from headway_server.storage.load import Load
from headway_server.storage.load import load as load_of


def load(database: Database) -> Load:
    """The load at this moment.

    Raises:
        DatabaseUnavailable: the database is away.
    """
    return database.read(lambda uow: load_of(uow.session))
