"""headway projects, headway changes."""

from __future__ import annotations

from itertools import islice

import click

from headway.cli.output import write_json, write_table
from headway.cli.session import Session, format_option, pass_session


@click.group()
def projects() -> None:
    """List, make and delete projects."""


@projects.command("list")
@format_option("table", "json")
@pass_session
def list_projects(session: Session, layout: str) -> None:
    """List the projects that the key may know of."""
    with session.client() as client:
        views = list(client.projects())
    if layout == "json":
        write_json(views)
    else:
        write_table(
            ("project", "studies", "notes"), [(view.name, view.studies, view.notes) for view in views]
        )


@projects.command("create")
@click.argument("name")
@click.option("--notes", default="", help="For people.")
@pass_session
def create_project(session: Session, name: str, notes: str) -> None:
    """Make a project. Takes a key of the whole installation."""
    with session.client() as client:
        project = client.create_project(name, notes=notes)
    click.echo(project.name)


@projects.command("delete")
@click.argument("name")
@pass_session
def delete_project(session: Session, name: str) -> None:
    """Delete a project without studies, and its keys."""
    with session.client() as client:
        client.project(name).delete()


@click.command()
@click.option("--study", help="Only what concerns this study.")
@click.option("-n", "--number", default=50, show_default=True, type=click.IntRange(min=1), help="How many.")
@format_option("table", "json")
@pass_session
def changes(session: Session, study: str | None, number: int, layout: str) -> None:
    """Show who changed what, the newest first."""
    with session.client() as client:
        entries = list(islice(client.changes(study), number))
    if layout == "json":
        write_json(entries)
        return
    write_table(
        ("at", "actor", "what", "project", "study", "trial", "request"),
        [
            (
                f"{entry.at:%Y-%m-%d %H:%M:%S}",
                f"{entry.actor or '?'}{f' ({entry.key_name})' if entry.key_name else ''}",
                entry.type,
                entry.project or "",
                entry.study or "",
                "" if entry.trial is None else entry.trial,
                entry.request_id or "",
            )
            for entry in entries
        ],
    )
