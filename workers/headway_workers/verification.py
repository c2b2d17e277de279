"""What `headway verify` prints: each figure of an objective beside its oracle's."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from headway_workers import registry


def verify(name: str, console: Console) -> bool:
    """Run every check of an objective and print a table; whether all of them passed."""
    table = Table(title=f"{name}: our figures beside an oracle's", title_justify="left")
    table.add_column("check")
    for column in ("oracle", "ours", "tolerance"):
        table.add_column(column, justify="right")
    table.add_column("")
    passed = True
    with console.status(f"checking {name}") as status:
        for check in registry.checks(name):
            status.update(f"checking {name}: {check.name}")
            verdict = "[green]pass[/]" if check.passed else "[red]FAIL[/]"
            if check.tolerance is None:
                verdict = "[dim]reported[/]"
            tolerance = "" if check.tolerance is None else f"{check.tolerance:.3g}"
            table.add_row(check.name, f"{check.oracle:.6g}", f"{check.ours:.6g}", tolerance, verdict)
            passed &= check.passed
    console.print(table)
    return passed
