"""The experiment's picture: what one team reported over its issues, and what was predicted."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MultipleLocator

from headway_workers.style import BLUE, GOLD, GREY, INK, plain
from headway_workers.team_influence.comparison import compared
from headway_workers.team_influence.features import Transitions
from headway_workers.team_influence.scores import squared_errors
from headway_workers.team_influence.simulator import Simulation, simulate
from headway_workers.team_influence.teams import Array

TEAMS = 31
SEED = 0

FITTED = {"dynamics": BLUE, "linear": GOLD}
"""Colours of what was fitted."""
LABELS = {"dynamics": "dynamics (our reconstruction)"}


def draw(figure: Figure) -> None:
    """Every accorded influence of a typical team, reported and predicted; and all errors beside it.

    The team is the one of 31 on which the dynamics' error is the median. Predictions are those of
    cross-validation by team: nothing of the team was in the training set.
    """
    rng = np.random.default_rng(SEED)
    rows = Transitions.of(simulate(Simulation(), TEAMS, rng, messages=False).teams())
    predicted = compared(rows, Simulation().dynamics, rng)
    errors = squared_errors(predicted["dynamics"], rows.target)
    by_team_error = np.array([errors[rows.team == team].mean() for team in range(TEAMS)])
    team = int(np.argsort(by_team_error, kind="stable")[TEAMS // 2])
    grid = figure.add_gridspec(1, 2, width_ratios=(3.0, 1.25))
    left, right = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    own = np.flatnonzero(rows.team == team)
    _team(left, rows.chosen(own), {name: M[own] for name, M in predicted.items()})
    _errors(right.subplots(), {name: squared_errors(M, rows.target).mean() for name, M in predicted.items()})


def _team(figure: SubFigure, rows: Transitions, predicted: dict[str, Array]) -> None:
    """`rows` and `predicted` are one team's."""
    n = rows.p.shape[1]
    reports = np.concatenate([rows.prev[:1], rows.target])
    issues = np.arange(1, len(reports) + 1)
    grid = figure.subplots(n, n, sharex=True, sharey=True, squeeze=False)
    for i in range(n):
        for j in range(n):
            axes: Axes = grid[i, j]
            plain(axes)
            axes.plot(issues, 100 * reports[:, i, j], "o-", color=INK, ms=3.5, lw=0.8, label="reported")
            for name, colour in FITTED.items():
                forecast = 100 * predicted[name][:, i, j]
                axes.plot(
                    issues[1:], forecast, color=colour, lw=1.8, label=f"predicted: {LABELS.get(name, name)}"
                )
            axes.xaxis.set_major_locator(MultipleLocator(2, offset=1))
            if i == j:
                axes.set_facecolor("#f5f7f9")
            if i == 0:
                axes.set_title(f"to member {j + 1}", fontsize=9.5, color=INK)
            if j == 0:
                axes.set_ylabel(f"member {i + 1}\naccords, %")
            if i == n - 1:
                axes.set_xlabel("issue")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=9.5)


def _errors(axes: Axes, errors: dict[str, float]) -> None:
    plain(axes)
    colours = [FITTED.get(name, GREY) for name in errors]
    bars = axes.barh(list(errors), [1e3 * error for error in errors.values()], color=colours)
    axes.bar_label(bars, fmt="%.1f", padding=3, color=INK, fontsize=9)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.15)
    axes.set_xlabel("mean squared error × 1000,\ncross-validated by team")
    axes.set_title(f"{TEAMS} simulated teams", fontsize=9.5, color=INK)
