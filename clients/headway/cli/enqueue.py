"""headway enqueue: a point of one's own for the next worker."""

from __future__ import annotations

import click

from headway.cli.session import Session, pass_session
from headway.cli.trials import values_of


@click.command()
@click.argument("study")
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE…")
@click.option("--note", default="", help="For people.")
@click.option("--tag", "tags", multiple=True, help="Repeatable.")
@pass_session
def enqueue(session: Session, study: str, values: tuple[str, ...], note: str, tags: tuple[str, ...]) -> None:
    """Queue a point: the next worker that asks gets it. It costs a place in the budget.

    \b
      headway enqueue reactor temperature=80 time=5 solvent=THF
    """  # noqa: D301 (click's mark is the character, not its escape)
    with session.client() as client:
        handle = client.study(study)
        view = handle.enqueue(values_of(values, handle.definition.space.scalars), note=note, tags=tags)
    click.echo(f"trial {view.number} {view.state}")
