"""The paper's picture on our engine: regret, ranks, redundancy and over-exploration, with many workers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from statistics import mean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headway_workers.async_bo.claims import MANY, OWN, PROBLEMS, Evidence, interval, settings
from headway_workers.async_bo.functions import Array
from headway_workers.async_bo.measures import FLOOR
from headway_workers.async_bo.methods import PENALISING, PURPOSE_BUILT, STANDARD
from headway_workers.async_bo.ranks import draw_ranks
from headway_workers.async_bo.records import LOG, Record, all_recorded
from headway_workers.style import BLUE, GOLD, GREY, INK, LIGHT_BLUE, RED, plain

METHODS = (*STANDARD, *PURPOSE_BUILT)
CURVES = {
    "ucb": (BLUE, "-"),
    "logei": (LIGHT_BLUE, "-"),
    "thompson": (GREY, "-"),
    "hallucinated-ucb": (GOLD, "--"),
    "local-penalisation": (RED, "--"),
    "playbook": (RED, ":"),
}
"""Colour and line; purpose-built methods are dashed or dotted."""


def draw(figure: Figure) -> None:
    """From the runs that `headway verify async-bo` made here; those that are missing are made first."""
    records = [record for _, record in all_recorded(settings(), os.cpu_count() or 1, LOG)]
    draw_records(figure, records)


def draw_records(figure: Figure, records: Sequence[Record]) -> None:
    """All panels."""
    seen = Evidence(tuple(records))
    curves, summaries = np.asarray(figure.subfigures(2, 1, height_ratios=(1.0, 1.1)))
    for axes, problem in zip(curves.subplots(1, len(PROBLEMS)), PROBLEMS, strict=True):
        regret_curves(axes, records, problem, legend=problem == PROBLEMS[0])
    ranks, redundancy, exploration = summaries.subplots(1, 3)
    draw_ranks(ranks, {method: seen.of("mean_log_regret", method, MANY).ravel() for method in METHODS})
    _redundancy(redundancy, seen)
    _exploration(exploration, seen)
    seeds = len({record.setting.seed for record in records})
    figure.suptitle(
        f"Asynchronous optimisation with {MANY} workers, {seeds} seeds", x=0.01, ha="left", color=INK
    )


def regret_curves(
    axes: Axes, records: Sequence[Record], problem: str, *, legend: bool, workers: int = MANY
) -> None:
    """Mean log10 of the simple regret by the number of results, with 95 % bands."""
    plain(axes)
    axes.set_title(problem, loc="left", fontsize=10, color=INK)
    axes.set_xlabel("results")
    for method, (colour, line) in CURVES.items():
        curves = [
            one.regret
            for one in records
            if (one.setting.problem, one.setting.method, one.setting.workers) == (problem, method, workers)
            and one.setting.updates == "intermediate"
        ]
        logs = np.log10(np.maximum(np.array(curves), FLOOR))
        middle, spread = logs.mean(axis=0), logs.std(axis=0, ddof=1 if len(logs) > 1 else 0)
        error = 1.96 * spread / np.sqrt(len(logs))
        x = np.arange(1, len(middle) + 1)
        axes.plot(x, middle, line, color=colour, lw=1.6, label=method)
        axes.fill_between(x, middle - error, middle + error, color=colour, alpha=0.12, lw=0)
    if legend:
        axes.set_ylabel("log10 simple regret, mean")
        axes.legend(frameon=False, fontsize=8)


def _redundancy(axes: Axes, seen: Evidence) -> None:
    """Share of queries that repeat a point in flight."""
    shares = {method: _mean(seen.of("redundancy", method, MANY)) for method in METHODS}
    shares |= {
        f"{method}, own results only": _mean(seen.of("redundancy", method, MANY, "own")) for method in OWN
    }
    _bars(axes, shares, "share of queries that repeat one in flight")


def _exploration(axes: Axes, seen: Evidence) -> None:
    """Mean distance of the queries from the optimum, with its interval over seeds."""
    found = {method: interval(seen.of("optimum_distance", method, MANY)) for method in METHODS}
    _bars(axes, {method: one[0] for method, one in found.items()}, "distance to the optimum, lengthscales")
    low = [one[0] - one[1] for one in found.values()]
    high = [one[2] - one[0] for one in found.values()]
    axes.errorbar(
        [one[0] for one in found.values()], list(found), xerr=[low, high], fmt="none", ecolor=INK, lw=1
    )


def _bars(axes: Axes, values: dict[str, float], label: str) -> None:
    plain(axes)
    colours = [
        RED if name in PENALISING else GOLD if name in PURPOSE_BUILT else BLUE if name in STANDARD else GREY
        for name in values
    ]
    axes.barh(list(values), list(values.values()), color=colours, height=0.7)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel(label, fontsize=9)


def _mean(values: Array) -> float:
    return mean(values.ravel().tolist())
