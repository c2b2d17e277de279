"""headway explain."""

from __future__ import annotations

from collections.abc import Iterator

import click

from headway.cli.output import cell_text, write_json, write_table
from headway.cli.session import Session, format_option, pass_session
from headway.wire.base import Params
from headway.wire.explanation import Explanation, Score


@click.command()
@click.argument("study")
@click.argument("trial", type=click.IntRange(min=1))
@format_option("table", "json")
@pass_session
def explain(session: Session, study: str, trial: int, layout: str) -> None:
    """Show why a trial is where it is: what was expected, what it could teach, what speaks for it."""
    with session.client() as client:
        told = client.study(study).explain(trial)
    if layout == "json":
        write_json(told)
        return
    click.echo("\n".join(_lines(told)))
    if told.nearest:
        click.echo("nearest measured points:")
        write_table(
            ("trial", "value", "similarity", "weight", "at"),
            [(one.trial, one.value, one.similarity, one.weight, _at(one.params)) for one in told.nearest],
        )
    if told.alternatives:
        click.echo("instead of it:")
        write_table(
            ("score", "mean", "sd", "at"),
            [
                (one.score.total, one.predicted.mean, one.predicted.sd, _at(one.params))
                for one in told.alternatives
            ],
        )


def _lines(told: Explanation) -> Iterator[str]:
    made = "no receipt" if told.receipt is None else f"made by {told.receipt.policy}"
    which = "the model that made it" if told.as_made else "the present model"
    yield f"trial {told.trial}: {_at(told.params)}; {made}"
    yield f"{which} (version {told.model_version}, {told.n_observed} results) expects "
    yield f"  {told.predicted.mean:.6g} ± {told.predicted.sd:.3g}"
    if told.score is not None:
        yield f"  {_parts(told.score)}"


def _parts(score: Score) -> str:
    if score.exploration is None:
        sum_ = f"log expected improvement {score.total:.4g}: mean {score.mean:.4g}, sd {score.sd:.4g}"
    else:
        sum_ = f"score {score.total:.4g} of mean {score.mean:.4g} + exploration {score.exploration:.4g}"
    weight = "" if score.p_feasible is None else f", feasible with probability {score.p_feasible:.3g}"
    return (
        f"{sum_}, better than the best ({score.best:.4g}) with probability {score.p_improvement:.3g}{weight}"
    )


def _at(params: Params) -> str:
    return ", ".join(f"{name}={cell_text(value)}" for name, value in params.items())
