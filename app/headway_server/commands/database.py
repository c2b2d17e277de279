"""Which database a command works on.

This module imports only click, so that the command line can list it without the server's dependencies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from headway_server.settings import Settings
    from headway_server.storage.database import Database

DATABASE = click.option("--database", help="sqlite:///path or postgresql://… (or HEADWAY_DATABASE_URL).")


def settings_of(database: str | None) -> Settings:
    """The server's settings, with this database in place of the environment's."""
    from headway_server.settings import Settings

    return Settings() if database is None else Settings(database_url=database)


@contextmanager
def opened(database: str | None) -> Iterator[Database]:
    """The database in the command line's hands; an error that a caller can meet is a line."""
    from headway_server.domain.access import COMMAND_LINE
    from headway_server.storage.database import Database
    from headway_server.storage.schema import require_known_schema

    target = Database(settings_of(database).database_url)
    try:
        with telling():
            require_known_schema(target)
            yield target.acting(COMMAND_LINE)
    finally:
        target.dispose()


@contextmanager
def telling() -> Iterator[None]:
    """An error that a caller can meet is a line, not a traceback."""
    from pydantic import ValidationError

    from headway_server.domain.errors import HeadwayError

    try:
        yield
    except ValidationError as error:
        fault = error.errors()[0]
        raise click.ClickException(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
    except HeadwayError as error:
        raise click.ClickException(error.detail) from error
