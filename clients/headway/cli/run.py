"""headway run: any program is an objective."""

from __future__ import annotations

import logging

import click

from headway.best import point_of
from headway.cli.program import Program, UnknownPlaceholder
from headway.cli.session import Session, pass_session
from headway.wire.base import Params


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("study")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--lease-s", type=float, help="Seconds without a sign of life until a trial is taken back.")
@click.option("--worker", help="Who asks.  [default: host and process]")
@pass_session
def run(
    session: Session, study: str, command: tuple[str, ...], lease_s: float | None, worker: str | None
) -> None:
    """Evaluate a study with a program, until the study is done.

    \b
      headway run reactor -- python train.py --lr {lr} --layers {layers}

    {name} in the arguments becomes the parameter's value (nothing, where it is inactive); {{name}} stays
    {name}. The environment has HEADWAY_PARAM_<NAME>, HEADWAY_TRIAL and HEADWAY_SEED. The last line of the
    standard output that is JSON is the result: a number, {"value": …}, {"value": …, "std_error": …}, or
    {"<objective>": …}.
    A status other than 0 is a failed trial. SIGTERM ends the program and gives its trial back.
    """  # noqa: D301 (click's mark is the character, not its escape)
    logging.basicConfig(level=logging.WARNING, format="headway: %(message)s")
    finished = 0
    with session.client(patient=True) as client:
        handle = client.study(study)
        program = Program(command, handle.objectives)
        try:
            program.check([one.name for one in handle.definition.space.scalars])
        except UnknownPlaceholder as error:
            raise click.UsageError(str(error)) from error
        for trial in handle.trials(worker, lease_s):
            click.echo(_line(trial.number, trial.params), err=True)
            with trial:
                trial.finish(program.evaluate(trial))
            click.echo(f"trial {trial.number}: {trial.outcome}", err=True)
            finished += trial.outcome == "completed"
    click.echo(f"{study} is done; {finished} trials were completed here.", err=True)


def _line(number: int, params: Params) -> str:
    return f"trial {number}: {point_of(params)}"
