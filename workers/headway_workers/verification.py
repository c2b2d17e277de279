"""What `headway verify` prints: an objective's figures beside an oracle's, and what became of claims."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from headway_workers import registry
from headway_workers.contract import Check, Claim

VERDICTS = {"supported": "[green]supported[/]", "not supported": "[yellow]not supported[/]"}


def verify(name: str, console: Console) -> bool:
    """Run every check of an objective and print tables; whether all of them passed. A claim can't fail."""
    checks = _table(f"{name}: our figures beside an oracle's", "check", "oracle", "ours", "tolerance")
    claims = _table(f"{name}: the paper's claims", "claim", "effect", "95 % interval", "demanded")
    passed = True
    with console.status(f"checking {name}") as status:
        for one in registry.checks(name):
            status.update(f"checking {name}: {one.name}")
            if isinstance(one, Claim):
                _add_claim(claims, one)
            else:
                _add_check(checks, one)
                passed &= one.passed
    for table in (checks, claims):
        if table.row_count:
            console.print(table)
    return passed


def _table(title: str, first: str, *numbers: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for column in numbers:
        table.add_column(column, justify="right")
    table.add_column("")
    return table


def _add_check(table: Table, check: Check) -> None:
    verdict = "[green]pass[/]" if check.passed else "[red]FAIL[/]"
    if check.tolerance is None:
        verdict = "[dim]reported[/]"
    tolerance = "" if check.tolerance is None else f"{check.tolerance:.3g}"
    table.add_row(check.name, f"{check.oracle:.6g}", f"{check.ours:.6g}", tolerance, verdict)


def _add_claim(table: Table, claim: Claim) -> None:
    interval = f"{claim.low:.3g} to {claim.high:.3g}"
    verdict = VERDICTS.get(claim.verdict, f"[dim]{claim.verdict}[/]")
    table.add_row(claim.name, f"{claim.effect:.3g}", interval, claim.demands, verdict)
