"""The loss staircase, with the neurons that wake at each saddle, over time in units of log(1/ε)."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headway_workers.relu_jumps.flow import Path, follow
from headway_workers.relu_jumps.jump import Jumps, jump_process
from headway_workers.relu_jumps.problem import Array, Problem, draw_patterns, draw_problem, draw_weights
from headway_workers.style import BLUE, GOLD, GREY, INK, LIGHT_BLUE, PALE, RED, plain

N, M, NETWORK = 64, 25, 3
"""Data, neurons, and which network of the family is shown."""

SCALES = {-2.0: GREY, -20.0: LIGHT_BLUE, -300.0: BLUE}
"""log10 ε of the flows → colour."""


def draw(figure: Figure) -> None:
    """Loss of the limit and of flows at three ε above; below, how the neurons grow in the last of them."""
    problem = draw_problem(N, seed=0, label_spread=1.0)
    jumps = jump_process(draw_patterns((0, 0), range(NETWORK, NETWORK + 1), M, N), problem)
    weights = draw_weights((0, 0), NETWORK, M, N)
    paths = {scale: follow(problem, weights, scale) for scale in SCALES}
    top, bottom = figure.subplots(2, 1, height_ratios=(3, 2))
    first, last = float(jumps.tau[0, 0]), float(jumps.tau_end[0])
    shown = (first - 0.3 * (last - first), last + 0.5 * (last - first))
    _staircase(top, problem, jumps, paths, shown)
    _sizes(bottom, jumps, paths[-300.0], weights.a, -300.0)
    bottom.axvspan(*shown, color=PALE, alpha=0.6, lw=0, zorder=0)
    bottom.set_xlim(0.0, shown[1])
    figure.suptitle(
        f"relu-jumps: {M} neurons learn {N} orthogonal data, one saddle after another",
        x=0.01, ha="left", color=INK, fontsize=13,
    )  # fmt: skip


def _staircase(
    axes: Axes, problem: Problem, jumps: Jumps, paths: dict[float, Path], shown: tuple[float, float]
) -> None:
    plain(axes)
    for scale, path in paths.items():
        tau = path.time / (-scale * math.log(10.0))
        axes.plot(tau, path.loss, color=SCALES[scale], lw=1.6, label=f"flow, ε = 1e{scale:.0f}")
    tau, loss = jumps.tau[0].numpy(), jumps.loss[0].numpy()
    before = np.array([float(problem.labels @ problem.labels) / (2 * N), *loss])
    least = float(before[before > 0.0].min())
    axes.step(
        [0.0, *tau, shown[1]], [*before, before[-1]], where="post", color=INK, lw=1.0, ls="--",
        label="limit ε → 0",
    )  # fmt: skip
    axes.scatter(tau, before[:-1], s=110, color="white", edgecolor=INK, linewidth=0.8, zorder=5)
    lines = []
    for k, (neuron, fitted) in enumerate(
        zip(jumps.neuron[0].tolist(), jumps.fitted[0].tolist(), strict=True)
    ):
        axes.text(tau[k], before[k], str(k + 1), fontsize=7, ha="center", va="center", color=INK, zorder=6)
        lines.append(f"{k + 1:>2}  neuron {neuron:>2} wakes, fits {fitted:>2}")
    axes.text(
        0.995, 0.62, "\n".join(lines), transform=axes.transAxes, ha="right", va="top", fontsize=8.5,
        family="monospace", color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(least / 6.0, 2.0 * before[0])
    axes.set_xlim(*shown)
    axes.set_ylabel("loss")
    axes.set_title(
        "The loss around the jumps (shaded below); a number is a saddle that is left, and by which neuron",
        loc="left", fontsize=10, color=GREY,
    )  # fmt: skip
    axes.legend(frameon=False, fontsize=8.5, loc="upper right")


def _sizes(axes: Axes, jumps: Jumps, path: Path, signs: Array, scale: float) -> None:
    plain(axes)
    tau = path.time / (-scale * math.log(10.0))
    awake = jumps.neuron[0].tolist()
    for j in range(M):
        size = path.alpha[:, j] / math.log(10.0)
        colour = (GOLD if signs[j] > 0 else RED) if j in awake else LIGHT_BLUE
        axes.plot(tau, size, color=colour, lw=1.6 if j in awake else 1.0, zorder=3 if j in awake else 2)
    for colour, label in ((GOLD, "wakes, a > 0"), (RED, "wakes, a < 0"), (LIGHT_BLUE, "never wakes")):
        axes.plot([], [], color=colour, lw=1.6, label=label)
    axes.axhline(0.0, color=GREY, lw=0.8)
    axes.set_xlabel("τ = t / log(1/ε)")
    axes.set_ylabel("log₁₀ |a|")
    axes.set_title(
        f"How large every neuron is in the flow at ε = 1e{scale:.0f}", loc="left", fontsize=10, color=GREY
    )
    axes.legend(frameon=False, fontsize=8.5, loc="lower right")
