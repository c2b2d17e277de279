"""The experiment's picture: the front between likelihood and fitness, and the dial that moves along it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from headway_workers.molecular_fitness.families import Settings, fitted
from headway_workers.molecular_fitness.objective import per_residue
from headway_workers.molecular_fitness.problem import LETTERS, Problem
from headway_workers.molecular_fitness.sample import Sample
from headway_workers.molecular_fitness.scenarios import dial
from headway_workers.molecular_fitness.scores import spearman
from headway_workers.molecular_fitness.trees import Array
from headway_workers.style import BLUE, GOLD, GREY, INK, LIGHT_BLUE, RED, plain

SEED = 0
SIZE = 3_000
LOOKS = {
    "swi": (BLUE, "o", "site-wise"),
    "potts_plm": (GOLD, "s", "Potts, pseudo-likelihood"),
    "bear_on_swi": (RED, "D", "BEAR around site-wise"),
    "bear": (LIGHT_BLUE, "^", "BEAR"),
    "ar_linear": (GREY, "v", "linear autoregressive"),
}


def draw(figure: Figure) -> None:
    """Left: every family over its range, on one problem. Right: h against likelihood and divergence."""
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1.0))
    _front(left)
    _dial(right)


def _front(axes: Axes) -> None:
    problem = Problem.of(SEED)
    found = []
    for theta in (0.7, 1.0):
        sample = Sample.of(problem.leaves[:SIZE], LETTERS, theta)
        for settings in _settings():
            model = fitted(settings, sample)
            rho = float(spearman(model.log_density(problem.assay.x), problem.assay.fitness))
            found.append((per_residue(model, problem.held_out), rho))
            colour, marker, _ = LOOKS[settings.family]
            axes.plot(*found[-1], marker, color=colour, ms=6, mec="white", mew=0.5, zorder=3)
    front = _undominated(np.array(found))
    axes.step(front[:, 0], front[:, 1], where="pre", color=INK, lw=1.0, zorder=2)
    plain(axes)
    axes.set_xlabel("held-out log-likelihood per residue (nats)")
    axes.set_ylabel("Spearman's ρ with fitness")
    axes.set_title("The best density is not the best fitness", loc="left", fontsize=11, color=INK)
    handles = [
        Line2D([], [], color=colour, marker=marker, ls="", label=label)
        for colour, marker, label in LOOKS.values()
    ]
    handles.append(Line2D([], [], color=INK, lw=1.0, label="front"))
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.35 * (high - low), high)  # room for the legend below every point
    axes.legend(handles=handles, frameon=False, fontsize=8, loc="lower left")


def _dial(axes: Axes) -> None:
    turned = dial(1.0, range(4))
    plain(axes)
    axes.semilogx(turned.h, turned.kl, color=RED, lw=1.8)
    axes.set_xlabel("h: site-wise (left) to nonparametric (right)")
    axes.set_ylabel("KL(p∞‖q), nats", color=RED)
    axes.set_title("Four trees: likelier, and further from p∞", loc="left", fontsize=11, color=INK)
    other = axes.twinx()
    other.spines[["top"]].set_visible(False)
    other.semilogx(turned.h, turned.marginal, color=BLUE, lw=1.8)
    best = int(np.argmax(turned.marginal))
    other.plot(turned.h[best], turned.marginal[best], "o", color=BLUE, ms=7)
    other.set_ylabel("log marginal likelihood per sequence (nats)", color=BLUE)
    other.tick_params(colors=INK, labelsize=9)


def _settings() -> list[Settings]:
    return [
        *(Settings("swi", pseudocount=float(value)) for value in np.logspace(-3, 1, 5)),
        *(Settings("potts_plm", plm_l2=float(value)) for value in np.logspace(-3, 0, 4)),
        *(Settings("bear_on_swi", h=float(value)) for value in np.logspace(-4, 3, 8)),
        *(Settings("bear", h=1.0, lag=lag) for lag in (2, 3, 5, 8)),
        *(Settings("ar_linear", lag=lag) for lag in (2, 4, 8)),
    ]


def _undominated(points: Array) -> Array:
    """Those that no other beats in both coordinates, from left to right."""
    order = points[np.argsort(points[:, 0])]
    best_to_the_right = np.maximum.accumulate(order[::-1, 1])[::-1]
    return order[order[:, 1] >= best_to_the_right]
