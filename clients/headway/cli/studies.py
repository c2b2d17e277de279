"""headway studies, show, pause, resume, close, delete."""

from __future__ import annotations

import click

from headway.best import BestTrial, Front
from headway.cli.output import cell_text, write_json, write_table
from headway.cli.session import Session, format_option, pass_session
from headway.wire.space import Boolean, Categorical, Declared, Ordinal, Simplex
from headway.wire.study import StudyView

_NOTHING = "nothing that counts has completed yet"


@click.command()
@click.option("--audits", is_flag=True, help="Those that were made for audits, too.")
@format_option("table", "json")
@pass_session
def studies(session: Session, audits: bool, layout: str) -> None:
    """List the studies."""
    with session.client() as client:
        views = list(client.studies(audits=audits))
    if layout == "json":
        write_json(views)
    elif not views:
        click.echo("There are no studies yet.")
    else:
        write_table(
            ("study", "state", "objective", "completed", "leased", "failed", "left", "strategy"),
            [
                (
                    view.name,
                    view.state,
                    _objectives(view),
                    view.trials.completed,
                    view.trials.leased,
                    view.trials.failed + view.trials.lost,
                    "∞" if view.budget_left is None else view.budget_left,
                    view.definition.strategy,
                )
                for view in views
            ],
        )


@click.command()
@click.argument("study")
@pass_session
def pause(session: Session, study: str) -> None:
    """Hand nothing out for now: workers wait, and what is under way goes on."""
    with session.client() as client:
        _say_state(client.study(study).pause())


@click.command()
@click.argument("study")
@pass_session
def resume(session: Session, study: str) -> None:
    """Hand out trials again."""
    with session.client() as client:
        _say_state(client.study(study).resume())


@click.command()
@click.argument("study")
@pass_session
def close(session: Session, study: str) -> None:
    """Hand nothing out any more. Results are still taken."""
    with session.client() as client:
        _say_state(client.study(study).close())


@click.command()
@click.argument("study")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def delete(session: Session, study: str, yes: bool) -> None:
    """Delete a study with all its data. `headway export` first keeps a copy."""
    with session.client() as client:
        handle = client.study(study)
        view = handle.view()
        if not yes:
            made = sum(number for _, number in view.trials)
            click.confirm(f"Delete {study} with its {made} trials ({view.trials.leased} leased)?", abort=True)
        handle.delete(etag=view.etag)
    click.echo(f"{study}: deleted; its name is free again in 30 days")


def _say_state(view: StudyView) -> None:
    click.echo(f"{view.name}: {view.state}; {view.trials.leased} trials are leased")


@click.command()
@click.argument("study")
@format_option("table", "json")
@pass_session
def show(session: Session, study: str, layout: str) -> None:
    """Show one study: where it stands, its space, the best trial."""
    with session.client() as client:
        handle = client.study(study)
        view = handle.view()
        best = handle.best() if layout == "table" else None
    if layout == "json":
        write_json(view)
        return
    click.echo("\n".join(_lines(view, best)))
    space = view.definition.space
    if any(one.when for one in space.scalars):
        write_table(
            ("parameter", "type", "range", "active where"),
            [(one.name, one.type, _range(one), _condition(one)) for one in space.parameters],
        )
    else:
        write_table(
            ("parameter", "type", "range"), [(one.name, one.type, _range(one)) for one in space.parameters]
        )
    for constraint in space.constraints:
        click.echo(f"constraint: {constraint}")


def _lines(view: StudyView, best: BestTrial | Front | None) -> list[str]:
    counts = ", ".join(f"{number} {state}" for state, number in view.trials if number)
    left = "no limit" if view.budget_left is None else f"{view.budget_left} of {view.budget} left"
    return [
        f"{view.name}: {view.state}; {_objectives(view)}; strategy {view.definition.strategy}",
        f"trials: {counts or 'none yet'}; budget: {left}",
        f"best: {_NOTHING if best is None else best}",
    ]


def _objectives(view: StudyView) -> str:
    """What is sought, with what must hold."""
    goals = ", ".join(f"{one.goal} {one.name}" for one in view.definition.objectives)
    constraints = ", ".join(view.definition.outcome_constraints)
    return f"{goals} with {constraints}" if constraints else goals


def _range(parameter: Declared) -> str:
    match parameter:
        case Categorical():
            return ", ".join(map(str, parameter.choices))
        case Ordinal():
            return " < ".join(map(str, parameter.values))
        case Boolean():
            return "true, false"
        case Simplex():
            return f"{' + '.join(parameter.components)} = 1, all from 0"
        case _:
            log = ", log" if parameter.log else ""
            step = "" if parameter.step is None else f", step {cell_text(parameter.step)}"
            return f"{cell_text(parameter.low)} to {cell_text(parameter.high)}{log}{step}"


def _condition(parameter: Declared) -> str:
    if isinstance(parameter, Simplex) or parameter.when is None:
        return ""
    return f"{parameter.when.parent} = {' or '.join(map(str, parameter.when.equals))}"
