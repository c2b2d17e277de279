"""The experiment's picture: how fast a user's mixture is found, and how it differs from his preference."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headway.wire.study import DEFAULT_STRATEGY
from headway_workers.rewarded_soups.preference.campaign import users_search
from headway_workers.rewarded_soups.preference.checks import PARTS
from headway_workers.rewarded_soups.preference.objective import SAMPLES, SoupPreference
from headway_workers.rewarded_soups.preference.user import GROUPS, Array, User, grid
from headway_workers.style import BLUE, GREY, INK, RED, plain

EVALUATIONS = 40
SEEDS = range(4)
GROUP_NAMES = ("0, 1, 2", "3, 4", "5, 6, 7", "8, 9")


def draw(figure: Figure) -> None:
    """Left: worth of what a search would answer so far. Right: hidden preference and best weights."""
    objective = SoupPreference()
    user = objective.user()
    mixtures = grid(PARTS)
    worth = np.array([user.worth(weights, audit=True) for weights in mixtures.tolist()])
    left, right = figure.subplots(1, 2, width_ratios=(1.4, 1.0))
    found = _traces(left, objective, float(worth.max()))
    _weights(right, user, mixtures[worth.argmax()], found)


def _traces(axes: Axes, objective: SoupPreference, best: float) -> Array:
    """Mean and range over seeds, for the engine and for random search; the weights that one search found."""
    plain(axes)
    user = objective.user()
    at = np.arange(1, EVALUATIONS + 1)
    last: list[float] = []
    for strategy, colour, label in (("random", GREY, "random search"), (DEFAULT_STRATEGY, BLUE, "headway")):
        traces = []
        for seed in SEEDS:
            made = users_search(objective, 0, seed, strategy)
            trace = []
            for _ in at:
                made.step()
                trace.append(user.worth(made.incumbent(), audit=True))
            traces.append(trace)
            last = made.incumbent()
        low, high = np.min(traces, axis=0), np.max(traces, axis=0)
        axes.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
        axes.plot(at, np.mean(traces, axis=0), color=colour, lw=1.8, label=label)
    single = max(user.worth(corner, audit=True) for corner in np.eye(GROUPS).tolist())
    for value, name in (
        (best, "best of 286 mixtures"),
        (user.worth([1.0 / GROUPS] * GROUPS, audit=True), "even mixture"),
        (single, "best single network"),
    ):
        axes.axhline(value, color=INK, lw=0.8, ls=":")
        axes.annotate(
            name,
            (EVALUATIONS, value),
            xytext=(0, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8,
            color=INK,
        )
    axes.set(xlim=(1, EVALUATIONS), xlabel=f"evaluations, of {SAMPLES} answers each")
    axes.set_ylabel("probability that an answer satisfies, on held-out digits")
    axes.legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1.0, 0.12))
    title = f"What a search would answer: mean and range of {len(SEEDS)} runs"
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    return np.array(last)


def _weights(axes: Axes, user: User, best: Array, found: Array) -> None:
    plain(axes)
    at = np.arange(GROUPS)
    bars = (
        (user.preference, RED, "hidden preference μ"),
        (best, GREY, "best mixture λ of 286"),
        (found, BLUE, "λ that the last run found"),
    )
    for i, (values, colour, label) in enumerate(bars):
        axes.bar(at + 0.27 * (i - 1), values, 0.25, color=colour, label=label)
    axes.set_xticks(at, GROUP_NAMES)
    axes.set(xlabel="digits of a group, and of the network paid for it", ylabel="share", ylim=(0, None))
    axes.set_title("Preference and weights are different things", loc="left", fontsize=11, color=INK)
    axes.legend(frameon=False, fontsize=9)
