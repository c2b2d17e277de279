"""headway audit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import click

from headway.audits import POLL_S, Audit
from headway.cli.output import cell_text, write_json, write_table
from headway.cli.session import Session, pass_session
from headway.errors import NotFound
from headway.studies import Study
from headway.wire.campaign_audit import AuditedPoint, AuditReport, NullCampaign, Replicates


@click.command()
@click.argument("study")
@click.option("--top", type=click.IntRange(1), help="Best trials to measure again.  [default: 3]")
@click.option("--replicates", type=click.IntRange(1), help="Fresh evaluations of each.  [default: 10]")
@click.option("--null", "null_campaigns", type=click.IntRange(1), help="Random searches.  [default: 19]")
@click.option("--alpha", type=float, help="Level of the tests.  [default: 0.05]")
@click.option("--reuse", multiple=True, help="A study that is such a random search already; may be repeated.")
@click.option("--seed", type=click.IntRange(0), help="Of replicates, searches and control.  [default: 0]")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.option("--follow", is_flag=True, help="Wait for its end, and say how it goes.")
@pass_session
def audit(session: Session, /, study: str, as_json: bool, follow: bool, **asked: Any) -> None:
    """Audit a campaign that is over: its best trials measured again, beside random searches of equal budget.

    Without options it shows the newest audit; where there is none, or with options, it begins one. The trials
    are evaluated by `headway worker --objective NAME --audit STUDY`, or by any worker of the studies that it
    names.
    """
    with session.client() as client:
        found = _audit(client.study(study), asked)
        report = found.report()
        if follow:
            report = _followed(found, report)
    if as_json:
        write_json(report)
    else:
        _show(report)


def _audit(study: Study, asked: dict[str, Any]) -> Audit:
    given = {name: value for name, value in asked.items() if value not in (None, ())}
    if not given:
        with suppress(NotFound):  # if there is no such study at all, the next call says so
            return study.last_audit()
    return study.audit(**given)


def _followed(found: Audit, report: AuditReport) -> AuditReport:
    said = None
    while report.state != "complete":
        if report.trials_left != said:
            said = report.trials_left
            click.echo(f"{said} trials left in {len(report.tasks)} studies", err=True)
        time.sleep(POLL_S)
        report = found.report()
    return report


def _show(report: AuditReport) -> None:
    click.echo("\n".join(_head(report)))
    write_table(
        ("point", "trial", "selected by", "shrunk", "measured again", "95 % interval", "n", "winner's curse"),
        [_point(point) for point in report.points],
    )
    write_table(
        ("random search", "trials", "failed", "worker-s", "selected by", "measured again", "n"),
        [_campaign(campaign) for campaign in report.null_campaigns],
    )
    click.echo("\n".join(_findings(report)))


def _head(report: AuditReport) -> Iterator[str]:
    search, m = report.search, report.request.replicates
    yield (
        f"{report.study}: audit {report.number} of {report.audits}, {report.state}; "
        f"{report.objective.goal} {report.objective.name}; {m} replicates of each point"
    )
    yield (
        f"campaign: {search.trials} trials ({search.completed} completed, {search.infeasible} infeasible, "
        f"{search.failed} failed, {search.stopped} stopped, {search.lost} lost), "
        f"{search.worker_s:.0f} worker-s"
    )


def _point(point: AuditedPoint) -> tuple[object, ...]:
    curse = point.winners_curse
    return (
        point.role,
        point.trial,
        point.selection_value,
        "" if point.shrunk is None else cell_text(point.shrunk.mean),
        _mean(point.replicates),
        _interval(point.replicates.low, point.replicates.high),
        _n(point.replicates),
        "" if curse is None else f"{curse.estimate:.4g} {_interval(curse.low, curse.high)}",
    )


def _campaign(campaign: NullCampaign) -> tuple[object, ...]:
    again = campaign.replicates
    return (
        f"{campaign.study}{' (reused)' if campaign.reused else ''}",
        campaign.search.trials,
        campaign.search.failed,
        round(campaign.search.worker_s),
        campaign.selection_value,
        "" if again is None else _mean(again),
        "" if again is None else _n(again),
    )


def _findings(report: AuditReport) -> Iterator[str]:
    if report.verdict is None:
        yield f"{report.trials_left} trials are left; nothing is tested before the end."
        for task in report.tasks:
            yield f"needs workers: {task.study} ({task.state}; {task.left} left, {task.leased} leased)"
        return
    if (null := report.null) is not None:
        says = {True: "significant", False: "not significant", None: "can't be significant"}[null.significant]
        yield (
            f"against random search: p = {null.p:.3g} ± {null.monte_carlo_se:.2g} "
            f"(attainable {null.attainable_p:.3g}), {says} at alpha = {report.request.alpha:g}"
        )
    for what, told in (
        ("the runner-up is distinguishable from the incumbent", report.runner_up_distinguishable),
        ("the incumbent is better than the control", report.better_than_control),
    ):
        if told is not None:
            yield f"{what}: {'yes' if told else 'no'}"
    yield f"improvement: {report.verdict.improvement.upper()}. {report.verdict.reason}"


def _mean(again: Replicates) -> str:
    error = "" if again.std_error is None else f" ± {again.std_error:.2g}"
    return "" if again.mean is None else f"{cell_text(again.mean)}{error}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:.4g}, {high:.4g}]"


def _n(again: Replicates) -> str:
    failed = f" ({again.failed} failed)" if again.failed else ""
    return f"{again.n}/{again.planned}{failed}"
