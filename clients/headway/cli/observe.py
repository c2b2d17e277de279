"""headway observe: a filled plate goes to its trials, and what was measured elsewhere is imported."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from headway.batches import ABOUT, metrics_of
from headway.cli.session import Session, pass_session
from headway.cli.trials import level_of
from headway.errors import ApiError, ValidationFailed
from headway.studies import Study
from headway.wire.space import Parameter
from headway.wire.trial import FinishRequest

LEASED = ("number", "token")
"""The columns by which `headway suggest --format csv` names a leased trial."""

Row = dict[str, Any]


@click.command()
@click.argument("study")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@pass_session
def observe(session: Session, study: str, file: Path, *, dry_run: bool) -> None:
    """Report results from a CSV file, such as the filled output of `headway suggest --format csv`.

    \b
      headway suggest reactor -n 8 --format csv > plate.csv
      headway observe reactor plate_filled.csv

    A row with a number and a token is the result of that trial; one without is imported, at no cost to the
    budget. Add a column for each objective, and where there is something to say METRIC.std_error, outcome
    (infeasible, failed, …), reason, message. A row that says nothing yet is left alone, and the same file can
    be sent again: what is here already is not changed.

    Exit status: 1 where a row was refused.
    """  # noqa: D301 (click's mark is the character, not its escape)
    with session.client() as client:
        handle = client.study(study)
        parameters = {one.name: one for one in handle.view().definition.space.scalars}
        rows = _read(file, parameters)
        filled = [(line, row) for line, row in rows if _says_something(row, parameters)]
        results = [(line, row) for line, row in filled if row.get("number")]
        others = [(line, row) for line, row in filled if not row.get("number")]
        refused = _finish(handle, results, parameters, dry_run=dry_run)
        refused += _import(handle, others, dry_run=dry_run)
        if len(rows) > len(filled):
            click.echo(f"{len(rows) - len(filled)} rows say nothing yet")
    if refused:
        click.get_current_context().exit(1)


def _read(file: Path, parameters: Mapping[str, Parameter]) -> list[tuple[int, Row]]:
    """The rows with their line numbers; cells of parameters in their own types."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        header = reader.fieldnames or []
        if taken := [name for name in header if name in parameters and name in (*LEASED, *ABOUT)]:
            raise click.UsageError(
                f"{file}: the column {taken[0]!r} may be the study's parameter or headway's own. "
                "Hand these results in from Python instead."
            )
        rows: list[tuple[int, Row]] = []
        for row in reader:
            if None in row or None in row.values():
                raise click.UsageError(
                    f"{file}, line {reader.line_num}: the row is not as long as the header."
                )
            cells = {name: cell.strip() for name, cell in row.items()}
            rows.append(
                (reader.line_num, {name: _cell(name, cell, parameters) for name, cell in cells.items()})
            )
        return rows


def _cell(name: str, text: str, parameters: Mapping[str, Parameter]) -> object:
    if text == "" or name in (*LEASED, *ABOUT):
        return text
    return level_of(parameters.get(name), text)


def _says_something(row: Row, parameters: Mapping[str, Parameter]) -> bool:
    """Whether there is a measurement or an outcome, not just a point."""
    return any(cell != "" for name, cell in row.items() if name not in (*parameters, *LEASED, "client_id"))


def _finish(
    study: Study, rows: list[tuple[int, Row]], parameters: Mapping[str, Parameter], *, dry_run: bool
) -> int:
    """Report the leased trials; how many were refused."""
    finished = refused = 0
    for line, row in rows:
        try:
            number, result = _number(row["number"]), _result(row, parameters)
            if not dry_run:
                study.finish(number, result)
        except ApiError as error:
            if error.server_is_away:
                raise
            refused += 1
            click.echo(f"line {line}: {error}", err=True)
        else:
            finished += 1
    if rows:
        click.echo(f"{finished} trials {'would be reported' if dry_run else 'reported'}, {refused} refused")
    return refused


def _number(text: str) -> int:
    if not text.isdecimal():
        raise click.UsageError(f"{text!r} is no trial's number. Leave the cell empty to import the row.")
    return int(text)


def _result(row: Row, parameters: Mapping[str, Parameter]) -> FinishRequest:
    measured = {
        name: cell
        for name, cell in row.items()
        if cell != "" and name not in parameters and name not in (*LEASED, *ABOUT)
    }
    about = {name: row[name] for name in ("outcome", "reason", "message") if row.get(name)}
    try:
        return FinishRequest.model_validate(
            {"lease_token": row.get("token", ""), "metrics": metrics_of(measured)} | about
        )
    except ValidationError as error:
        raise ValidationFailed.before_sending("The row", error) from error


def _import(study: Study, rows: list[tuple[int, Row]], *, dry_run: bool) -> int:
    """Import what was measured elsewhere; how many rows were refused."""
    if not rows:
        return 0
    records = [{name: cell for name, cell in row.items() if name not in LEASED} for _, row in rows]
    answer = study.import_results(records, dry_run=dry_run)
    for result in answer.rows:
        if result.problem is not None:
            click.echo(f"line {rows[result.index][0]}: {result.problem.detail}", err=True)
    done = "would be imported" if dry_run else "imported"
    click.echo(f"{answer.imported} rows {done}, {answer.duplicates} here already, {answer.refused} refused")
    return answer.refused
