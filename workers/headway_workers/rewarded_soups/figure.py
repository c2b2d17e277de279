"""The experiment's picture: the front of a soup of two fine-tunes, and what its policies write."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headway_workers.rewarded_soups.checks import PLAN
from headway_workers.rewarded_soups.interpolation import segment
from headway_workers.rewarded_soups.text.comparison import MIXED, POLICIES, Comparison
from headway_workers.rewarded_soups.text.evaluation import Scores
from headway_workers.style import BLUE, GREY, INK, RED, plain

EXAMPLES = 4
"""Texts shown of each policy: the first ones, not chosen."""


def draw(figure: Figure) -> None:
    """Left: soup, MORL and start in the plane of the two rewards. Right: texts at five weights."""
    found = Comparison.of(PLAN)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0))
    _front(left, found)
    _texts(right, found)


def _front(axes: Axes, found: Comparison) -> None:
    plain(axes)
    means = np.array([one.values.mean(axis=0) for one in found.soups])
    axes.plot(*means.T, "-", color=BLUE, lw=1.4, zorder=2)
    _points(axes, found.soups, BLUE, "o", "soups, λ = 0 to 1")
    _points(axes, found.mixed, RED, "s", f"MORL, {found.plan.steps} steps each")
    _points(axes, [found.start], GREY, "D", "pretrained")
    axes.plot(*found.plan.rewards.reference, "x", color=INK, ms=6, label="reference of the hypervolume")
    for (_, weight), (x, y) in zip(segment(POLICIES), means, strict=True):
        axes.annotate(
            f"{weight:g}", (x, y), xytext=(5, 12), textcoords="offset points", color=BLUE, fontsize=8
        )
    for order, (preference, one) in enumerate(zip(MIXED, found.mixed, strict=True)):
        x, y = one.values.mean(axis=0)
        label = f"μ = {preference:g}"
        aside = (16, 4) if order % 2 else (-50, -14)  # neighbours may lie on one another
        axes.annotate(label, (x, y), xytext=aside, textcoords="offset points", color=RED, fontsize=8)
    first, second = found.plan.rewards.names
    axes.set_xlabel(f"mean reward “{first}” (0 to 1)")
    axes.set_ylabel(f"mean reward “{second}” (0 to 1)")
    ratio = found.ratio()
    title = f"HV(soup)/HV(MORL) = {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.legend(frameon=False, fontsize=8, loc="best")


def _points(axes: Axes, policies: list[Scores], colour: str, marker: str, label: str) -> None:
    """Means with two standard errors."""
    means = np.array([one.values.mean(axis=0) for one in policies])
    errors = np.array([one.values.std(axis=0, ddof=1) / len(one.values) ** 0.5 for one in policies])
    axes.errorbar(
        means[:, 0],
        means[:, 1],
        xerr=2 * errors[:, 0],
        yerr=2 * errors[:, 1],
        fmt=marker,
        color=colour,
        ms=6,
        mec="white",
        mew=0.6,
        elinewidth=0.9,
        label=label,
        zorder=3,
    )


def _texts(axes: Axes, found: Comparison) -> None:
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_title("What the soups write", loc="left", fontsize=11, color=INK)
    first, second = found.plan.rewards.names
    lines = POLICIES * (EXAMPLES + 1.6)
    height = 1.0
    for (_, weight), one in zip(segment(POLICIES), found.soups, strict=True):
        x, y = one.values.mean(axis=0)
        head = f"λ = {weight:g}    {first} {x:.2f}, {second} {y:.2f}"
        axes.text(0.0, height, head, color=BLUE, fontsize=9, va="top", weight="bold")
        for text in one.texts[:EXAMPLES]:
            height -= 1.0 / lines
            axes.text(0.03, height, _printable(text), color=INK, fontsize=8.5, va="top", family="monospace")
        height -= 1.6 / lines


def _printable(text: str) -> str:
    """With what the figure's font lacks left out, and nothing that matplotlib takes for mathematics."""
    plain_text = "".join(one if one.isprintable() and ord(one) < 0x250 else "·" for one in text)
    return plain_text.replace("$", r"\$")
