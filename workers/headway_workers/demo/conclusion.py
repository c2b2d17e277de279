"""What the demo prints at the end: the best point, what the model believes of it, and where to look."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headway.wire.base import ParamValue
from headway_workers.demo.record import Outcome


def print_to(console: Console, outcome: Outcome, path: Path) -> None:
    """Print the study's end."""
    counts = outcome.record.study.trials
    ended = {
        state: count
        for state, count in counts.model_dump().items()
        if count and state not in {"reserved", "queued", "leased"}
    }
    summary = ", ".join(f"{count} {state}" for state, count in ended.items())
    console.print(f"{outcome.record.study.name}: {summary}", markup=False)
    if outcome.front:
        _front(console, outcome)
    elif outcome.best is None:
        console.print("No trial completed and kept the constraints, so there is nothing to show.")
    else:
        best = outcome.best
        objective = outcome.record.study.definition.objectives[0].name
        error = "" if best.std_error is None else f" ± {best.std_error:.2g} (standard error)"
        console.print(f"best {objective}: {best.value:.6g}{error}, trial {best.trial}", markup=False)
        if best.posterior is not None:
            interval = best.posterior
            console.print(
                f"the model's view of that point: {interval.mean:.6g}, "
                f"95 % between {interval.low:.6g} and {interval.high:.6g}",
                markup=False,
                soft_wrap=True,
            )
        elif best.posterior_reason:
            console.print(f"no posterior: {best.posterior_reason}", markup=False)
        table = Table.grid(padding=(0, 2))
        for name, value in best.params.items():
            share = outcome.model.importance.get(name)
            table.add_row(f"  {name}", _shown(value), "" if share is None else f"importance {share:.0%}")
        console.print(table)
    console.print(f"figure: {path}", markup=False, soft_wrap=True)


def _front(console: Console, outcome: Outcome) -> None:
    names = [objective.name for objective in outcome.record.study.definition.objectives]
    console.print(f"a front of {len(outcome.front)}:")
    table = Table(box=None, padding=(0, 1))
    for name in ("trial", *names):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("at", overflow="fold")  # points differ in which parameters they have
    for one in outcome.front:
        point = "  ".join(f"{name}={_shown(value)}" for name, value in one.params.items())
        table.add_row(str(one.trial), *(f"{one.metrics[name]:.4g}" for name in names), Text(point))
    console.print(table)


def _shown(value: ParamValue) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
