"""headway backup and headway restore.

This module imports only click, so that the command line can list it without the server's dependencies.
"""

from __future__ import annotations

from pathlib import Path

import click

from headway_server.commands.database import DATABASE, opened, settings_of, telling

FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@FILE
@DATABASE
def backup(file: Path, database: str | None) -> None:
    """Write the whole database to FILE, as it is at one moment. Servers may go on working.

    FILE restores into SQLite and into PostgreSQL, whichever it was made of. It holds lease tokens and hashes
    of keys: only its owner may read it.
    """
    from headway_server.storage.backup import back_up

    with opened(database) as target:
        counts = back_up(target, file)
    click.echo(f"{_said(counts)} in {file}")


@click.command()
@FILE
@click.option("--replace", is_flag=True, help="Delete what the database holds now.")
@DATABASE
def restore(file: Path, *, replace: bool, database: str | None) -> None:
    """Make the database what it was when FILE was made. Stop the servers first.

    All or nothing: a damaged FILE, or one of a newer version, changes nothing; nor is anything restored over
    what the database holds, unless --replace says so.
    """
    from headway_server.storage.backup import restore as bring_back
    from headway_server.storage.database import Database

    target = Database(settings_of(database).database_url)
    try:
        with telling():
            counts = bring_back(target, file, replace=replace)
    finally:
        target.dispose()
    click.echo(f"{_said(counts)} from {file}")


def _said(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in ("studies", "trials", "observations"))
