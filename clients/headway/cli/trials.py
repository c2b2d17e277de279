"""headway suggest, headway finish: a worker by hand."""

from __future__ import annotations

import click

from headway.cli.output import write_csv, write_json, write_table
from headway.cli.session import Session, format_option, pass_session
from headway.wire.trial import FinishRequest, MeasuredValue, Outcome

OUTCOMES: tuple[Outcome, ...] = ("completed", "infeasible", "failed", "stopped", "abandoned")


@click.command()
@click.argument("study")
@click.option("-n", "--count", default=1, show_default=True, type=click.IntRange(1, 64), help="How many.")
@click.option("--lease-s", type=float, help="Seconds until a trial passes to somebody else; days are fine.")
@click.option("--worker", help="Who asks.")
@format_option("table", "json", "csv")
@pass_session
def suggest(  # noqa: PLR0917 (click passes them by name)
    session: Session, study: str, count: int, lease_s: float | None, worker: str | None, layout: str
) -> None:
    """Take trials to evaluate by hand; report each with `headway finish`.

    Exit status: 0 with trials, 2 where there is nothing now, 3 where the study is done.
    """
    with session.client() as client:
        answer = client.study(study).suggest(count, lease_s=lease_s, worker=worker)
    if layout == "json":
        write_json([trial.given for trial in answer])
    elif answer.trials:
        names = list(answer[0].params)
        header = ("number", *names, "token")
        rows = [(trial.number, *trial.params.values(), trial.token) for trial in answer]
        (write_csv if layout == "csv" else write_table)(header, rows)
    if answer.status != "ok":
        again = f"; ask again in {answer.retry_after_s:g} s" if answer.retry_after_s else ""
        click.echo(f"{study}: {answer.status} ({answer.reason}){again}", err=True)
        click.get_current_context().exit(2 if answer.status == "wait" else 3)


@click.command()
@click.argument("study")
@click.argument("number", type=click.IntRange(1))
@click.option("--token", required=True, help="The lease's token, as `headway suggest` printed it.")
@click.option("--value", type=float, help="What was measured, where that is one objective.")
@click.option("--std-error", type=float, help="Its standard error.")
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME=NUMBER", help="A metric by name; repeatable."
)
@click.option("--outcome", type=click.Choice(OUTCOMES), default="completed", show_default=True)
@click.option("--message", default="", help="Why, where there is no value.")
@pass_session
def finish(  # noqa: PLR0917 (click passes them by name)
    session: Session,
    study: str,
    number: int,
    token: str,
    value: float | None,
    std_error: float | None,
    metrics: tuple[str, ...],
    outcome: Outcome,
    message: str,
) -> None:
    """Report what came of a trial."""
    named = dict(_named(text) for text in metrics)
    if outcome == "completed" and value is None and not named:
        raise click.UsageError("Give --value or --metric, or another --outcome.")
    result = FinishRequest(lease_token=token, outcome=outcome)
    if message:
        result.message = message
    with session.client() as client:
        handle = client.study(study)
        result.metrics = {name: MeasuredValue(value=number) for name, number in named.items()}
        if value is not None:
            result.metrics[handle.objectives[0]] = MeasuredValue(value=value, std_error=std_error)
        answer = handle.finish(number, result)
    notes = [
        note
        for note, holds in (
            ("a new best", answer.best_changed),
            ("late, and kept", answer.late),
            ("a replicate: another attempt came first", answer.superseded),
            ("it was here already", answer.duplicate),
        )
        if holds
    ]
    left = "no limit" if answer.study.budget_left is None else f"{answer.study.budget_left} left"
    click.echo(f"trial {number} {answer.trial_state}{''.join(f'; {note}' for note in notes)}; budget: {left}")


def _named(text: str) -> tuple[str, float]:
    """A metric of the command line."""
    name, _, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError as error:
        raise click.UsageError(f"--metric {text!r}: write NAME=NUMBER.") from error
    if not name:
        raise click.UsageError(f"--metric {text!r}: write NAME=NUMBER.")
    return name, value
