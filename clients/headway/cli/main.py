"""headway on the command line."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from headway.cli.archives import export, import_study
from headway.cli.audit import audit
from headway.cli.edit import edit
from headway.cli.enqueue import enqueue
from headway.cli.explain import explain
from headway.cli.observe import observe
from headway.cli.projects import changes, projects
from headway.cli.run import run
from headway.cli.session import Session
from headway.cli.space import space
from headway.cli.studies import close, delete, pause, resume, show, studies
from headway.cli.trials import finish, release, suggest
from headway.cli.workers import workers
from headway.errors import HeadwayError

GROUP = "headway.commands"

SUMMARIES = {
    "serve": "Run the server.",
    "migrate": "Bring the database to the schema of this version.",
    "backup": "Write the whole database to FILE, as it is at one moment.",
    "restore": "Make the database what it was when FILE was made.",
    "keys": "Make, list and revoke keys, on the database itself: no key is needed for that.",
    "worker": "Evaluate an objective for a study, or for an audit of one, until it is done.",
    "demo": "Run a study from start to end on this machine: a server, some workers, a figure.",
    "verify": "Check an objective's figures against oracles.",
    "figure": "Draw the experiment behind an objective.",
    "signature-report": "Audit claims about gene signatures, as a TOML file states them.",
}
"""What the commands of the other rooms do: their help loads them, this list must not."""

EXTRAS = {"headway_server": "server", "headway_workers": "workers"}
"""Package of a command → the extra that installs what it needs."""


class Commands(click.Group):
    """The client's own commands, and those that other packages register under `headway.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Own commands first, then the registered ones; nothing is loaded."""
        own = super().list_commands(ctx)
        return own + sorted(_registered().keys() - set(own))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, loaded.

        Raises:
            ClickException: what it needs is not installed.
        """
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in _registered():
            return own
        entry = _registered()[cmd_name]
        try:
            command: click.Command = entry.load()
        except ModuleNotFoundError as error:
            raise _missing(cmd_name, error) from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's)
        """The list under --help; own help texts, and the summaries of the others."""
        own = {name: command.get_short_help_str(limit=90) for name, command in sorted(self.commands.items())}
        others = {
            name: SUMMARIES.get(name, f"({entry.module})")
            for name, entry in sorted(_registered().items())
            if name not in own
        }
        for title, rows in (("Studies and trials", own), ("Server and workers", others)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(list(rows.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that a caller can meet is a line or two, without a traceback."""
        try:
            return super().invoke(ctx)
        except HeadwayError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            raise _missing(ctx.invoked_subcommand or "", error) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", help="The server (or HEADWAY_URL).  [default: http://127.0.0.1:8765]")
@click.option("--api-key", help="The key (or HEADWAY_API_KEY, which does not show in process lists).")
@click.option("--project", help="The project, for a key of the whole installation (or HEADWAY_PROJECT).")
@click.version_option(package_name="headway")
@click.pass_context
def main(ctx: click.Context, url: str | None, api_key: str | None, project: str | None) -> None:
    """Asynchronous Bayesian optimisation with any number of unreliable workers."""
    ctx.obj = Session(url, api_key, project)


for _command in (
    studies,
    show,
    pause,
    resume,
    close,
    delete,
    suggest,
    finish,
    release,
    enqueue,
    edit,
    space,
    run,
    projects,
    changes,
    audit,
    workers,
    explain,
    observe,
    export,
    import_study,
):
    main.add_command(_command)


def _registered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _missing(command: str, error: ModuleNotFoundError) -> Exception:
    """What to say where a module is missing; a missing module of our own is a bug and stays what it is."""
    missing = error.name or ""
    entry = _registered().get(command)
    if entry is None or missing.partition(".")[0] in {"headway", *EXTRAS}:
        return error
    package = entry.module.partition(".")[0]
    extra = EXTRAS.get(package)
    if extra is None:
        return click.ClickException(f"headway {command} needs the module {missing}, which is not installed.")
    return click.ClickException(f"headway {command} needs the {extra}: pip install 'headway[{extra}]'")
