"""headway serve and headway migrate.

This module imports only click, so that the command line can list it without the server's dependencies.
"""

from __future__ import annotations

import sys

import click

from headway_server.commands.database import DATABASE, settings_of

SWITCH_INTERVAL_S = 5e-4
"""How long a thread may keep Python's lock from others who want it. A transaction gives it away at each of
its statements, with its study locked in the database meanwhile; Python's own 5 ms are the length of one."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(1, 65535), help="Port.")
@DATABASE
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

    settings = settings_of(database)
    probe = Database(settings.database_url)
    try:
        probe.patiently(lambda: require_known_schema(probe), settings.database_wait_s)
        require_device(settings.device)
        any_key = probe.patiently(lambda: probe.read(lambda uow: uow.keys.any()), settings.database_wait_s)
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
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    DrainingServer(config, app, drain_s=settings.drain_s).run()


@click.command()
@DATABASE
def migrate(database: str | None) -> None:
    """Bring the database to the schema of this version."""
    from headway_server.storage.database import Database
    from headway_server.storage.schema import migrate as bring_up
    from headway_server.storage.schema import present_revision

    target = Database(settings_of(database).database_url)
    if target.sqlite_path is not None:
        target.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    before = present_revision(target)
    bring_up(target)
    after = present_revision(target)
    target.dispose()
    click.echo(f"schema {after}" + (" already" if before == after else f" (was {before or 'none'})"))


def _shown(url: str) -> str:
    """A database's URL without its password."""
    from sqlalchemy import make_url

    return make_url(url).render_as_string()
