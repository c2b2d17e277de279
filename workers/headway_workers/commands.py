"""headway worker, demo, verify, figure and signature-report.

The client's command line finds them through entry points.

This module imports only click, so that the command line can list it without the workers' dependencies.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click

DEFAULT_URL = "http://127.0.0.1:8765"


@click.command()
@click.option("--objective", required=True, help="What to evaluate, e.g. digits-svm.")
@click.option("--study", help="Study to work for.  [default: the objective's name]")
@click.option("--audit", help="Work for all that the audit of this study needs, till it is complete.")
@click.option("--url", envvar="HEADWAY_URL", default=DEFAULT_URL, show_default=True, help="The server.")
@click.option("--worker-id", help="How the study calls this worker.  [default: host and process]")
@click.option("--max-trials", type=click.IntRange(1), help="Stop after so many trials.")
def worker(  # noqa: PLR0917 (click passes them by name)
    objective: str,
    study: str | None,
    audit: str | None,
    url: str,
    worker_id: str | None,
    max_trials: int | None,
) -> None:
    """Evaluate an objective for a study, or for an audit of one, until it is done."""
    if study and audit:
        raise click.UsageError("--audit names the study that was audited, so it can't go with --study.")
    _one_thread()
    from headway_workers.agent import StudyMismatch, work
    from headway_workers.contract import DataUnavailable
    from headway_workers.registry import UnknownObjective

    try:
        trials = work(objective, study=study, audit=audit, url=url, worker=worker_id, max_trials=max_trials)
    except (UnknownObjective, StudyMismatch, DataUnavailable) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{trials} trials")


@click.command()
@click.option("--study", "objective", default="digits-svm", show_default=True, help="Objective to optimise.")
@click.option("--workers", default=4, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--budget", type=click.IntRange(1), help="Trials in all.  [default: the objective's]")
@click.option(
    "--directory",
    default=".headway",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the database, the logs and the figure go.",
)
@click.option("--fresh", is_flag=True, help="Start over, under a new database file.")
@click.option("--url", help="Use a server that runs already.")
@click.option("--name", help="The study's name.  [default: the objective's]")
def demo(  # noqa: PLR0917 - click passes them by name
    objective: str,
    workers: int,
    budget: int | None,
    directory: Path,
    fresh: bool,
    url: str | None,
    name: str | None,
) -> None:
    """Run a study from start to end on this machine: a server, some workers, a figure."""
    if fresh and url:
        raise click.UsageError("--fresh starts a new database, so it can't go with --url.")
    _one_thread()
    from rich.console import Console

    from headway_workers.demo.run import Demo, DemoFailed, Options
    from headway_workers.registry import UnknownObjective

    # As for Ctrl-C: the workers hand their trials back before the server goes.
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    options = Options(objective, name or objective, workers, budget, directory, fresh=fresh, url=url)
    try:
        Demo(options, Console(highlight=False)).run()
    except (UnknownObjective, DemoFailed) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        click.echo("Stopped; nothing is lost. Run again to resume.", err=True)
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command()
@click.argument("name")
def verify(name: str) -> None:
    """Check an objective's figures against oracles."""
    _one_thread()
    from rich.console import Console

    from headway_workers.contract import DataUnavailable
    from headway_workers.registry import UnknownObjective
    from headway_workers.verification import verify as verified

    try:
        passed = verified(name, Console(highlight=False))
    except (UnknownObjective, DataUnavailable) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if passed else 1)


@click.command()
@click.argument("name")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="The PNG.  [default: NAME.png]"
)
def figure(name: str, output: Path | None) -> None:
    """Draw the experiment behind an objective."""
    _one_thread()
    from headway_workers.contract import DataUnavailable
    from headway_workers.picture import NoPicture, write
    from headway_workers.registry import UnknownObjective

    try:
        click.echo(write(name, output or Path(f"{name}.png")))
    except (UnknownObjective, NoPicture, DataUnavailable) as error:
        raise click.ClickException(str(error)) from None


@click.command("signature-report")
@click.argument("audit", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The HTML; the JSON goes beside it.  [default: AUDIT.html]",
)
@click.option("--device", default="cpu", show_default=True, help="Where the nulls are computed.")
def signature_report(audit: Path, output: Path | None, device: str) -> None:
    """Audit claims about gene signatures, as a TOML file states them."""
    _one_thread()
    from headway_workers.signature_audit.audit_file import read
    from headway_workers.signature_audit.expression import SeriesError
    from headway_workers.signature_audit.report import write

    try:
        stated = read(audit)
        findings = stated.findings(device=device)
        html, data = write(
            findings, output or audit.with_suffix(".html"), source=audit.name, alpha=stated.alpha
        )
    except SeriesError as error:
        raise click.ClickException(str(error)) from None
    for one in findings:
        click.echo(f"{one.name}: {one.verdict}. {one.reason}")
    click.echo(f"{html}\n{data}")


def _one_thread() -> None:
    """Before numpy is imported: two processes that fight for two cores make durations meaningless."""
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
