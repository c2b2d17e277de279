"""The figure of a finished study: incumbent over time, who worked when, and the posterior's slices."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from headway.wire.space import Boolean, Categorical, Ordinal
from headway_workers.demo.front import draw_front
from headway_workers.demo.record import Outcome, Record, WorkingTime
from headway_workers.demo.slices import Slice
from headway_workers.style import BLUE, GOLD, GREY, INK, LIGHT_BLUE, RED, plain, saved, scaled, sheet


def write(outcome: Outcome, path: Path) -> Path:
    """Draw the study's end as a PNG of 1,760 × 1,440 pixels."""
    figure = sheet(9)
    rows = figure.add_gridspec(3, 2, height_ratios=(3.2, 1.5, 2.6))
    definition = outcome.record.study.definition
    if len(definition.objectives) == 1:
        top = figure.add_subplot(rows[0, :])
        _incumbent(top, outcome.record)
        _gantt(figure.add_subplot(rows[1, :], sharex=top), outcome.record)
        for column, piece in enumerate(outcome.slices[:2]):
            _slice(figure.add_subplot(rows[2, column]), piece, outcome)
    else:
        draw_front(figure.add_subplot(rows[0, :]), outcome.record)
        _gantt(figure.add_subplot(rows[1, :]), outcome.record)
        for column in range(2):
            _arrivals(figure.add_subplot(rows[2, column]), outcome.record, column)
    figure.suptitle(f"{definition.name}: {_conclusion(outcome)}", x=0.01, ha="left", color=INK, fontsize=13)
    return saved(figure, path)


def _conclusion(outcome: Outcome) -> str:
    trials = f"{outcome.record.ended} trials"
    if outcome.front:
        return f"a front of {len(outcome.front)}, {trials}"
    if outcome.best is None:
        return f"{trials}, none completed"
    objective = outcome.record.study.definition.objectives[0].name
    return f"best {objective} {outcome.best.value:.4g} at trial {outcome.best.trial}, {trials}"


def _incumbent(axes: Axes, record: Record) -> None:
    plain(axes)
    objective = record.study.definition.objectives[0]
    axes.set_ylabel(f"{objective.name} ({objective.goal}d)")
    axes.set_title("Incumbent over time; every dot is a trial", loc="left", fontsize=10, color=GREY)
    axes.tick_params(labelbottom=False)
    if not record.observed:
        return
    clock = WorkingTime(record)
    times = [clock.seconds(seen.at) for seen in record.observed]
    values = [seen.value for seen in record.observed]
    best = [math.nan if seen.best is None else seen.best for seen in record.observed]
    improved = [seen.improved for seen in record.observed]
    scaled(axes, values)
    axes.scatter(
        [t for t, up in zip(times, improved, strict=True) if not up],
        [v for v, up in zip(values, improved, strict=True) if not up],
        s=16, color=LIGHT_BLUE, edgecolor="none", zorder=2, label="trial",
    )  # fmt: skip
    axes.step([*times, max(times)], [*best, best[-1]], where="post", color=BLUE, lw=1.8, zorder=3)
    axes.scatter(
        [t for t, up in zip(times, improved, strict=True) if up],
        [v for v, up in zip(values, improved, strict=True) if up],
        s=34, color=GOLD, edgecolor=INK, linewidth=0.6, zorder=4, label="new incumbent",
    )  # fmt: skip
    failed = [
        clock.seconds(trial.observations[0].received_at)
        for trial in record.trials
        if trial.value is None and trial.observations
    ]
    if failed:
        transform = axes.get_xaxis_transform()
        axes.scatter(
            failed, [0.02] * len(failed), marker="x", s=22, color=RED, transform=transform, label="no value"
        )
    for moment in clock.resumed:
        axes.axvline(moment, color=GREY, lw=1, ls=":")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), frameon=False, fontsize=8.5, ncols=3)


def _arrivals(axes: Axes, record: Record, which: int) -> None:
    """One objective of every completed trial in order of arrival."""
    plain(axes)
    objective = record.study.definition.objectives[which]
    axes.set_ylabel(f"{objective.name} ({objective.goal}d)")
    axes.set_xlabel("completed trials")
    if not record.observed:
        return
    values = [seen.values[which] for seen in record.observed]
    colours = [GOLD if seen.improved else LIGHT_BLUE if seen.counts else RED for seen in record.observed]
    scaled(axes, values)
    axes.scatter(range(1, len(values) + 1), values, s=18, c=colours, edgecolor="none", zorder=2)


def _gantt(axes: Axes, record: Record) -> None:
    plain(axes)
    axes.grid(visible=False)
    axes.set_title("Who worked on what: one bar an attempt", loc="left", fontsize=10, color=GREY)
    axes.set_xlabel("working time, seconds")
    attempts = list(record.attempts)
    if not attempts:
        return
    clock = WorkingTime(record)
    workers = sorted({attempt.worker or "?" for _, attempt in attempts})
    gold = {seen.trial for seen in record.observed if seen.improved}
    for trial, attempt in attempts:
        start = clock.seconds(attempt.leased_at)
        end = clock.seconds(attempt.ended_at) if attempt.ended_at else start
        if attempt.ended_by in {"expired", "superseded", "released"} or trial.value is None:
            colour = RED
        else:
            colour = GOLD if trial.number in gold else BLUE
        row = workers.index(attempt.worker or "?")
        axes.barh(row, end - start, left=start, height=0.66, color=colour, edgecolor="white", linewidth=0.7)
    axes.set_yticks(range(len(workers)), workers)
    axes.set_ylim(len(workers) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(left=0.0)
    kinds = {BLUE: "finished", GOLD: "new incumbent", RED: "lost, released or no value"}
    handles = [Patch(color=colour, label=label) for colour, label in kinds.items()]
    axes.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=3, frameon=False, fontsize=8.5
    )


def _slice(axes: Axes, piece: Slice, outcome: Outcome) -> None:
    plain(axes)
    name = piece.parameter.name
    mean = [interval.mean for interval in piece.posterior]
    low = [interval.low for interval in piece.posterior]
    high = [interval.high for interval in piece.posterior]
    if isinstance(piece.parameter, Categorical | Boolean | Ordinal):
        at: list[Any] = list(range(len(piece.values)))
        here = piece.values.index(piece.incumbent)
        axes.vlines(at, low, high, color=LIGHT_BLUE, lw=7, zorder=2)
        axes.scatter(at, mean, color=BLUE, s=34, zorder=3)
        axes.set_xticks(at, [str(value) for value in piece.values])
        axes.set_xlim(-0.5, len(at) - 0.5)
    else:
        at = [float(value) for value in piece.values]
        here = min(range(len(at)), key=lambda i: abs(at[i] - float(piece.incumbent)))
        axes.fill_between(at, low, high, color=LIGHT_BLUE, alpha=0.6, lw=0, zorder=2)
        axes.plot(at, mean, color=BLUE, lw=1.8, zorder=3)
        if piece.parameter.log:
            axes.set_xscale("log")
        axes.set_xlim(at[0], at[-1])
        measured = [trial.params for trial in outcome.record.trials if trial.value is not None]
        seen = [float(params[name]) for params in measured if params and name in params]
        axes.plot(
            seen, [0.015] * len(seen), "|", color=GREY, ms=7, alpha=0.7, transform=axes.get_xaxis_transform()
        )
    scaled(axes, [*mean, *low, *high])
    _cut(axes, [seen.value for seen in outcome.record.observed])
    axes.scatter(
        [at[here]], [mean[here]], color=GOLD, edgecolor=INK, linewidth=0.6, s=60, zorder=5, clip_on=False
    )
    axes.set_xlabel(f"{name} (importance {piece.importance:.0%})")
    axes.set_ylabel(outcome.record.study.definition.objectives[0].name)
    axes.set_title("Posterior through the incumbent", loc="left", fontsize=10, color=GREY)
    key = [
        Line2D([], [], color=BLUE, lw=1.8, label="mean"),
        Patch(color=LIGHT_BLUE, alpha=0.6, label="95 % interval"),
        Line2D([], [], marker="o", ls="", color=GOLD, markeredgecolor=INK, label="incumbent"),
    ]
    axes.legend(handles=key, frameon=False, fontsize=8.5, loc="best")


def _cut(axes: Axes, observed: list[float]) -> None:
    """Where nothing was observed the interval can be far wider than all values: let it leave the picture."""
    bottom, top = axes.get_ylim()
    least, greatest = min(observed), max(observed)
    if axes.get_yscale() == "log":
        axes.set_ylim(max(bottom, least / 2), min(top, greatest * 2))
    else:
        margin = 0.3 * (greatest - least)
        axes.set_ylim(max(bottom, least - margin), min(top, greatest + margin))
