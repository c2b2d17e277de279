"""Tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence

import click
from pydantic import BaseModel


def write_json(value: BaseModel | Sequence[BaseModel]) -> None:
    """One JSON document."""
    if isinstance(value, BaseModel):
        click.echo(value.model_dump_json(indent=2))
    else:
        click.echo(json.dumps([one.model_dump(mode="json") for one in value], indent=2))


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Comma-separated values with a header, as spreadsheets read them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[_csv_cell(cell) for cell in row] for row in rows])
    click.echo(text.getvalue(), nl=False)


def write_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; numbers to the right. Never narrower than what it holds, so that it can be piped."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    cells = [[cell_text(cell) for cell in row] for row in rows]
    numeric = [all(_is_number(row[i]) for row in cells) and bool(cells) for i in range(len(header))]
    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    for name, right in zip(header, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in cells:
        table.add_row(*row)
    console = Console(markup=False, highlight=False)
    needed = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    if not console.is_terminal or needed > console.width:
        console = Console(markup=False, highlight=False, width=max(needed, 20))
    console.print(table)


def cell_text(value: object) -> str:
    """A cell as people read it."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _csv_cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True
