"""headway suggest, headway finish: a worker by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click

from headway.cli.output import write_csv, write_json, write_table
from headway.cli.program import spelt
from headway.cli.session import Session, format_option, pass_session
from headway.wire.base import Params, ParamValue
from headway.wire.space import Categorical, Ordinal, Parameter
from headway.wire.trial import FinishRequest, MeasuredValue, Outcome

OUTCOMES: tuple[Outcome, ...] = ("completed", "infeasible", "failed", "stopped", "abandoned")


@click.command()
@click.argument("study")
@click.option("-n", "--count", default=1, show_default=True, type=click.IntRange(1, 64), help="How many.")
@click.option("--lease-s", type=float, help="Seconds until a trial passes to somebody else; days are fine.")
@click.option("--worker", help="Who asks.")
@click.option("--resume", is_flag=True, help="Get the worker's live trials back, before anything new.")
@click.option("--fix", multiple=True, metavar="NAME=VALUE", help="A value that the trials must have.")
@click.option("--context", multiple=True, metavar="NAME=VALUE", help="Likewise: what you find, not choose.")
@format_option("table", "json", "csv")
@pass_session
def suggest(  # noqa: PLR0917 (click passes them by name)
    session: Session,
    study: str,
    count: int,
    lease_s: float | None,
    worker: str | None,
    resume: bool,
    fix: tuple[str, ...],
    context: tuple[str, ...],
    layout: str,
) -> None:
    """Take trials to evaluate by hand; report each with `headway finish`.

    \b
      headway suggest reactor --fix solvent=THF --context temperature=23.5

    Exit status: 0 with trials, 2 where there is nothing now, 3 where the study is done.
    """  # noqa: D301 (click's mark is the character, not its escape)
    with session.client() as client:
        handle = client.study(study)
        parameters = handle.definition.space.scalars if fix or context else ()
        answer = handle.suggest(
            count,
            lease_s=lease_s,
            worker=worker,
            fixed=values_of(fix, parameters),
            context=values_of(context, parameters),
            resume=resume,
        )
    if layout == "json":
        write_json([trial.given for trial in answer])
    elif answer.trials:
        names = list(dict.fromkeys(name for trial in answer for name in trial.params))
        header = ("number", *names, "token")
        rows = [
            (trial.number, *(trial.params.get(name, "") for name in names), trial.token) for trial in answer
        ]
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
    named = named_numbers(metrics)
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


@click.command()
@click.argument("study")
@click.argument("number", type=click.IntRange(1))
@click.option("--token", required=True, help="The lease's token, as `headway suggest` printed it.")
@pass_session
def release(session: Session, study: str, number: int, token: str) -> None:
    """Give a trial back: the next worker gets the same point."""
    with session.client() as client:
        answer = client.study(study).release(number, token)
    done = "was given back" if answer.released else "had nothing to give back"
    click.echo(f"trial {number} {done}; it is {answer.trial_state}")


def values_of(settings: tuple[str, ...], parameters: Iterable[Parameter]) -> Params:
    """NAME=VALUE pairs as values: the level that is spelt so, or what it is as JSON, or text."""
    named = {parameter.name: parameter for parameter in parameters}
    values: Params = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise click.UsageError(f"{setting!r} is no NAME=VALUE.")
        values[name] = level_of(named.get(name), text)
    return values


def level_of(parameter: Parameter | None, text: str) -> ParamValue:
    """A text as a value: the parameter's level that is spelt so, or what it is as JSON, or itself."""
    levels: tuple[ParamValue, ...] = ()
    if isinstance(parameter, Categorical):
        levels = parameter.choices
    elif isinstance(parameter, Ordinal):
        levels = parameter.values
    return next((one for one in levels if spelt(one) == text), _parsed(text))


def _parsed(text: str) -> ParamValue:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def named_numbers(texts: Iterable[str]) -> dict[str, float]:
    """Metrics of the command line, NAME=NUMBER each, by name."""
    return dict(_named(text) for text in texts)


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
