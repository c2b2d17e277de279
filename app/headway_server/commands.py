"""headway serve and headway migrate; found by the client's command line through entry points.

This module imports only click, so that the command line can list it without the server's dependencies.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from headway_server.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(1, 65535), help="Port.")
@click.option("--database", help="sqlite:///path or postgresql://… (or HEADWAY_DATABASE_URL).")
def serve(host: str, port: int, database: str | None) -> None:
    """Run the server."""
    import uvicorn

    from headway_server.domain.errors import HeadwayError
    from headway_server.main import create_app
    from headway_server.services.device import require_device
    from headway_server.storage.database import Database
    from headway_server.storage.schema import require_known_schema

    settings = _settings(database)
    probe = Database(settings.database_url)
    try:
        require_known_schema(probe)
        require_device(settings.device)
    except HeadwayError as error:
        click.echo(f"headway serve: {error.detail}", err=True)
        sys.exit(1)
    finally:
        probe.dispose()
    click.echo(f"headway on http://{host}:{port} with {settings.database_url}", err=True)
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        log_level=os.environ.get("HEADWAY_LOG_LEVEL", "warning"),
        timeout_graceful_shutdown=5,
    )


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


def _settings(database: str | None) -> Settings:
    from headway_server.settings import Settings

    return Settings() if database is None else Settings(database_url=database)
