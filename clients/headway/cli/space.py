"""headway space: a study's search space, and its next version."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from headway.cli.output import write_json
from headway.cli.session import Session, format_option, pass_session
from headway.cli.trials import values_of
from headway.wire.space import Space
from headway.wire.space_versions import SpaceView


@click.command()
@click.argument("study")
@click.option(
    "--set",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The next version, as JSON: what `space` is in `--format json`.",
)
@click.option(
    "--default", "defaults", multiple=True, metavar="NAME=VALUE", help="What earlier results had; repeatable."
)
@format_option("table", "json")
@pass_session
def space(session: Session, study: str, file: Path | None, defaults: tuple[str, ...], layout: str) -> None:
    """Show a study's search space, or put the next version in force; earlier results stay.

    \b
      headway space reactor --format json
      headway space reactor --set space.json --default pressure=1.0
    """  # noqa: D301 (click's mark is the character, not its escape)
    if file is None and defaults:
        raise click.UsageError("--default needs --set.")
    with session.client() as client:
        handle = client.study(study)
        if file is None:
            view = handle.space()
        else:
            whole = _read(file)
            view = handle.change_space(whole, defaults=values_of(defaults, whole.scalars))
    if layout == "json":
        write_json(view)
    else:
        _tell(view)


def _read(file: Path) -> Space:
    try:
        return Space.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise click.UsageError(f"{file} holds no search space: {where}: {first['msg']}.") from error


def _tell(view: SpaceView) -> None:
    names = ", ".join(parameter.name for parameter in view.space.scalars)
    data = view.data
    results = "result" if data.usable == 1 else "results"
    click.echo(f"version {view.version} of {view.versions[-1].version}: {names}")
    click.echo(f"{data.usable} {results} usable, {data.outside} of them outside; {data.set_aside} set aside")
    for one in data.why:
        click.echo(f"  trial {one.trial}: {one.why}")
    if view.withdrawn:
        click.echo(f"withdrawn from the queue: {', '.join(map(str, view.withdrawn))}")
