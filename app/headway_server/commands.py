"""headway serve, headway migrate and headway keys; found by the client's command line through entry points.

This module imports only click, so that the command line can list it without the server's dependencies.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from headway.wire.access import Role
    from headway_server.settings import Settings
    from headway_server.storage.database import Database


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(1, 65535), help="Port.")
@click.option("--database", help="sqlite:///path or postgresql://… (or HEADWAY_DATABASE_URL).")
def serve(host: str, port: int, database: str | None) -> None:
    """Run the server."""
    import uvicorn

    from headway_server.api.identity import is_loopback
    from headway_server.domain.errors import HeadwayError, NoKey
    from headway_server.drain import DrainingServer
    from headway_server.logs import configure
    from headway_server.main import create_app
    from headway_server.services.device import require_device
    from headway_server.storage.database import Database
    from headway_server.storage.schema import require_known_schema

    settings = _settings(database)
    probe = Database(settings.database_url)
    try:
        require_known_schema(probe)
        require_device(settings.device)
        any_key = probe.read(lambda uow: uow.keys.any())
        if not any_key and not is_loopback(host):
            raise NoKey(
                f"It is to listen on {host}, beyond this machine, and nobody has made a key. Run "
                "`headway keys create --role admin` with the same HEADWAY_DATABASE_URL, then start it again."
            )
    except HeadwayError as error:
        click.echo(f"headway serve: {error.detail}", err=True)
        sys.exit(1)
    finally:
        probe.dispose()
    click.echo(f"headway on http://{host}:{port} with {_shown(settings.database_url)}", err=True)
    configure(settings.log_format, settings.log_level)
    app = create_app(settings, access="until-keys" if is_loopback(host) else "keys")
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=settings.stop_s,
    )
    DrainingServer(config, app, drain_s=settings.drain_s).run()


@click.command()
@click.option("--database", help="sqlite:///path or postgresql://… (or HEADWAY_DATABASE_URL).")
def migrate(database: str | None) -> None:
    """Bring the database to the schema of this version."""
    from headway_server.storage.database import Database
    from headway_server.storage.schema import migrate as bring_up
    from headway_server.storage.schema import present_revision

    target = Database(_settings(database).database_url)
    if target.sqlite_path is not None:
        target.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    before = present_revision(target)
    bring_up(target)
    after = present_revision(target)
    target.dispose()
    click.echo(f"schema {after}" + (" already" if before == after else f" (was {before or 'none'})"))


DATABASE = click.option("--database", help="sqlite:///path or postgresql://… (or HEADWAY_DATABASE_URL).")
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
    with _opened(database) as target:
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
    with _opened(database) as target:
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
    with _opened(database) as target:
        service.revoke(target, None, key_id)
    click.echo(f"revoked {key_id}")


@contextmanager
def _opened(database: str | None) -> Iterator[Database]:
    """The database in the command line's hands; an error that a caller can meet is a line."""
    from pydantic import ValidationError

    from headway_server.domain.access import COMMAND_LINE
    from headway_server.domain.errors import HeadwayError
    from headway_server.storage.database import Database
    from headway_server.storage.schema import require_known_schema

    target = Database(_settings(database).database_url)
    try:
        require_known_schema(target)
        yield target.acting(COMMAND_LINE)
    except ValidationError as error:
        fault = error.errors()[0]
        raise click.ClickException(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
    except HeadwayError as error:
        raise click.ClickException(error.detail) from error
    finally:
        target.dispose()


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


def _shown(url: str) -> str:
    """A database's URL without its password."""
    from sqlalchemy import make_url

    return make_url(url).render_as_string()


def _settings(database: str | None) -> Settings:
    from headway_server.settings import Settings

    return Settings() if database is None else Settings(database_url=database)
