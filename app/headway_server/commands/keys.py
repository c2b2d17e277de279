"""headway keys.

This module imports only click, so that the command line can list it without the server's dependencies.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from headway_server.commands.database import DATABASE, opened

if TYPE_CHECKING:
    from headway.wire.access import Role

PROJECT = click.option("--project", help="The project.")


@click.group()
def keys() -> None:
    """Make, list and revoke keys, on the database itself: no key is needed for that."""


@keys.command("create")
@click.option("--role", type=click.Choice(("viewer", "worker", "editor", "admin")), required=True)
@click.option("--study", help="The only study that the key sees.")
@click.option(
    "--project",
    help="The project.  [default: default; for an admin's key, the whole installation]",
)
@click.option(
    "--expires", metavar="90d", help="How long it works: a number and d, h or m.  [default: for ever]"
)
@click.option("--name", default="", help="For people: whose it is, or what for.")
@DATABASE
def create_key(  # noqa: PLR0917 (click passes them by name)
    role: Role, study: str | None, project: str | None, expires: str | None, name: str, database: str | None
) -> None:
    """Make a key and print it, this once: the database keeps a hash of it."""
    from headway.wire.access import KeyCreate
    from headway_server.services import keys as service

    if project is None and (role != "admin" or study is not None):
        project = "default"
    asked = {"role": role, "study": study, "expires_in_s": _seconds(expires), "name": name}
    with opened(database) as target:
        key = service.create(target, project, KeyCreate.model_validate(asked))
    of = "the whole installation" if key.project is None else f"the project {key.project}"
    until = f" until {key.expires_at.isoformat(timespec='minutes')}" if key.expires_at else ""
    click.echo(key.token)
    click.echo(
        f"{role} of {of}{f', study {key.study}' if key.study else ''}{until}. It is shown this once. "
        "A client takes it as HEADWAY_API_KEY, the pages at /login; "
        f"`headway keys revoke {key.id}` ends it.",
        err=True,
    )


@keys.command("list")
@PROJECT
@DATABASE
def list_keys(project: str | None, database: str | None) -> None:
    """List the keys, revoked and expired ones too."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from headway_server.services import keys as service

    columns = ("id", "role", "project", "study", "name", "created", "expires", "revoked", "last used")
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, no_wrap=True)
    with opened(database) as target:
        cursor: str | None = None
        while True:
            page = service.page(target, project, cursor, 1000)
            for key in page.keys:
                table.add_row(
                    *(key.id, key.role, key.project or "(all)", key.study or "(all)", key.name),
                    *(_day(at) for at in (key.created_at, key.expires_at, key.revoked_at, key.last_used_at)),
                )
            if (cursor := page.next_cursor) is None:
                break
    console = Console(markup=False, highlight=False)
    # Never narrower than what it holds, so that an id can be copied.
    console.width = max(
        console.width, console.measure(table, options=console.options.update(max_width=10_000)).maximum
    )
    console.print(table)


@keys.command("revoke")
@click.argument("key")
@DATABASE
def revoke_key(key: str, database: str | None) -> None:
    """Revoke a key by its id (hw_<id>_…). Servers that run refuse it within 5 seconds."""
    from headway_server.services import keys as service

    key_id = key.split("_")[1] if key.startswith("hw_") and key.count("_") > 1 else key
    with opened(database) as target:
        service.revoke(target, None, key_id)
    click.echo(f"revoked {key_id}")


def _seconds(text: str | None) -> float | None:
    """90d, 12h or 30m in seconds."""
    if text is None:
        return None
    number, unit = text[:-1], {"d": 86_400, "h": 3_600, "m": 60}.get(text[-1:])
    if unit is None or not (number.isascii() and number.isdigit() and int(number) > 0):
        raise click.BadParameter(f"{text!r} is no span of time: say 90d, 12h or 30m.", param_hint="--expires")
    return float(int(number) * unit)


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
