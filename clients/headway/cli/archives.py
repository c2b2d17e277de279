"""headway export, headway import: a study's data as a file, and a study from one."""

from __future__ import annotations

from pathlib import Path

import click

from headway.calls import ExportFormat
from headway.cli.session import Session, pass_session


@click.command()
@click.argument("study")
@click.option(
    "--format",
    "layout",
    type=click.Choice(("json", "csv", "ndjson", "parquet")),
    help="By default what the file's name ends with, or json.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file, not the screen."
)
@pass_session
def export(session: Session, study: str, layout: ExportFormat | None, output: Path | None) -> None:
    """Write a study's data to a file.

    csv and parquet have a row a trial, ndjson a line a trial with its history. json holds all of it:
    `headway import` makes a study of it again.
    """
    endings: dict[str, ExportFormat] = {".csv": "csv", ".ndjson": "ndjson", ".parquet": "parquet"}
    if layout is None:
        layout = endings.get(output.suffix, "json") if output else "json"
    if layout == "parquet" and output is None:
        raise click.UsageError("Parquet is not for the screen. Name a file: -o trials.parquet.")
    with session.client() as client:
        content = client.study(study).export(layout)
    if output is None:
        click.echo(content, nl=False)
    else:
        output.write_bytes(content)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="In place of the study's own.")
@pass_session
def import_study(session: Session, file: Path, name: str | None) -> None:
    """Make a study of what `headway export` wrote as json."""
    with session.client() as client:
        study = client.import_study(file.read_bytes(), name)
        counts = study.view().trials
    click.echo(f"{study.name}: {sum(number for _, number in counts)} trials")
