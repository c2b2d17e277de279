"""headway workers."""

from __future__ import annotations

import click

from headway.cli.output import write_json, write_table
from headway.cli.session import Session, format_option, pass_session
from headway.wire.workers import WorkerError, WorkerView


@click.command()
@click.option(
    "--hours",
    default=24.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Only those seen within so many.",
)
@format_option("table", "json")
@pass_session
def workers(session: Session, hours: float, layout: str) -> None:
    """Show who works: the leases each holds, its throughput, its last error."""
    with session.client() as client:
        views = list(client.workers(seen_within_s=hours * 3600))
    if layout == "json":
        write_json(views)
    elif not views:
        click.echo("Nobody with a name has been seen.")
    else:
        write_table(
            ("worker", "alive", "holds", "last seen", "finished", "last hour", "expired", "last error"),
            [
                (
                    view.worker,
                    "yes" if view.alive else "no",
                    _held(view),
                    f"{view.last_seen:%Y-%m-%d %H:%M:%S}",
                    view.finished,
                    view.finished_last_h,
                    view.expired,
                    _said(view.last_error),
                )
                for view in views
            ],
        )


def _held(view: WorkerView) -> str:
    named = [f"{lease.study}/{lease.trial}" for lease in view.held]
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return ", ".join(named[:3]) + more


def _said(error: WorkerError | None) -> str:
    if error is None:
        return ""
    line = (error.message or error.reason or "failed").strip().splitlines()[:1]
    return f"{error.study}/{error.trial}: {(line or ['failed'])[0][:60]}"
