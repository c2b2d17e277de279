"""headway edit: a trial is noted, tagged, corrected or excluded after the fact."""

from __future__ import annotations

import click

from headway.cli.session import Session, pass_session
from headway.cli.trials import named_numbers
from headway.values import Value
from headway.wire.trial import TrialView


@click.command()
@click.argument("study")
@click.argument("number", type=click.IntRange(1))
@click.option("--value", type=float, help="The right value, where that is one objective.")
@click.option("--std-error", type=float, help="Its standard error.")
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME=NUMBER", help="A right value by name; repeatable."
)
@click.option("--exclude/--include", "excluded", default=None, help="Whether its results count no more.")
@click.option("--note", help="For people, in place of the one that it has.")
@click.option("--tag", "tags", multiple=True, help="In place of those that it has; repeatable.")
@click.option("--reason", help="Why; needed for a correction and for an exclusion.")
@pass_session
def edit(  # noqa: PLR0917 (click passes them by name)
    session: Session,
    study: str,
    number: int,
    value: float | None,
    std_error: float | None,
    metrics: tuple[str, ...],
    excluded: bool | None,
    note: str | None,
    tags: tuple[str, ...],
    reason: str | None,
) -> None:
    """Correct, exclude, note or tag a trial. Its history keeps what was there; the model forgets it.

    \b
      headway edit reactor 12 --value 0.71 --reason "misread the scale"
      headway edit reactor 13 --exclude --reason "the stirrer stood still"
    """  # noqa: D301 (click's mark is the character, not its escape)
    named = named_numbers(metrics)
    if value is not None and named:
        raise click.UsageError("Give --value or --metric, not both.")
    if value is None and std_error is not None:
        raise click.UsageError("--std-error needs --value.")
    corrected: Value | None = named or value
    if value is None and not named and excluded is None and note is None and not tags:
        raise click.UsageError("Say what to change: --value, --metric, --exclude, --note or --tag.")
    with session.client() as client:
        view = client.study(study).change_trial(
            number,
            value=corrected,
            std_error=std_error,
            excluded=excluded,
            note=note,
            tags=tags or None,
            reason=reason,
        )
    click.echo(_told(view))


def _told(view: TrialView) -> str:
    value = "no value" if view.value is None else f"value {view.value:g}"
    excluded = ", excluded" if view.excluded else ""
    return f"trial {view.number} {view.state}, {value}{excluded}; changed {len(view.history)} times so far"
