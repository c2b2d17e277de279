"""The experiment's picture: error against iteration for every algorithm, and a photograph filled in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from skimage.restoration import inpaint_biharmonic

from headway_workers.matrix_completion.algorithms import ALGORITHMS
from headway_workers.matrix_completion.descent import descend, spectral_start
from headway_workers.matrix_completion.images import camera
from headway_workers.matrix_completion.residuals import residuals
from headway_workers.matrix_completion.synthetic import Ensemble
from headway_workers.style import BLUE, GOLD, GREY, INK, LIGHT_BLUE, RED, plain

SIZE = Ensemble(d1=400, d2=300, rank=10, p=0.3)
CONDITIONS = (1.0, 5.0)
STEPS = {1.0: 100, 5.0: 320}
ALTERNATIONS = 20
RANK, PICTURE_STEPS = 20, 400


class Line(NamedTuple):
    """How an algorithm is drawn. Those that coincide with VGD are dashed over it."""

    colour: str
    style: Any
    lam: float = 0.0


LINES = {
    "VGD": Line(LIGHT_BLUE, "-"),
    "BGD": Line(BLUE, (0, (2, 4)), 0.5),
    "RGD_row": Line(GOLD, (2, (2, 4)), 1.0),
    "PGD": Line(INK, (4, (1, 5))),
    "RGD_F": Line(GOLD, "-", 1e-3),
    "ScaledGD": Line(RED, "-"),
    "AltMin": Line(GREY, "-"),
}


def draw(figure: Figure) -> None:
    """Two panels of convergence above four pictures; some seconds on one core."""
    rows: Any = figure.subfigures(2, 1, height_ratios=(1.15, 1.0))  # an array, whatever the stub says
    upper, lower = rows
    axes = upper.subplots(1, 2, sharey=True, width_ratios=(1.0, 1.6))
    for panel, kappa in zip(axes, CONDITIONS, strict=True):
        _convergence(panel, kappa)
    axes[0].set_ylabel("relative error ‖XYᵀ − M‖ / ‖M‖")
    axes[1].legend(frameon=False, fontsize=9, loc="lower right", ncols=2, handlelength=3.5)
    upper.suptitle(
        f"Completing a random {SIZE.d1} × {SIZE.d2} matrix of rank {SIZE.rank}, {SIZE.p:.0%} seen",
        color=INK,
        fontsize=11,
    )
    _pictures(lower)


def _convergence(axes: Axes, kappa: float) -> None:
    drawn = Ensemble(SIZE.d1, SIZE.d2, SIZE.rank, SIZE.p, kappa).draw(0)
    seen, start = residuals(drawn.observed), spectral_start(drawn.observed, SIZE.rank)
    assert set(LINES) == set(ALGORITHMS)
    for algorithm, line in LINES.items():
        errors = []
        steps = ALTERNATIONS if algorithm == "AltMin" else STEPS[kappa]
        for at in descend(seen, start, 0.5, steps, algorithm=algorithm, lam=line.lam):
            errors.append(drawn.error(at.X, at.Y))
            if errors[-1] < 1e-12:
                break
        label = algorithm + (f", λ = {line.lam:g}" if line.lam else "")
        width = 4.0 if algorithm == "VGD" else 1.8
        axes.plot(errors, color=line.colour, ls=line.style, lw=width, label=label)
    axes.set_yscale("log")
    axes.set_xlabel("iteration")
    axes.set_title(f"condition number {kappa:g}, η = 0.5", fontsize=10, color=INK)
    plain(axes)


def _pictures(figure: Any) -> None:
    photograph = camera(0.5, seed=0, dtype=np.float64)
    values, _ = photograph.observed.dense()
    start = spectral_start(photograph.observed, RANK)
    *_, last = descend(residuals(photograph.observed), start, 0.5, PICTURE_STEPS)
    low_rank = last.X @ last.Y.T
    smooth = inpaint_biharmonic(values, ~photograph.known)
    shown: tuple[tuple[str, NDArray[Any]], ...] = (
        ("half of the pixels are missing", np.where(photograph.known, values, np.nan)),
        (f"VGD, rank {RANK}: {photograph.psnr(low_rank):.1f} dB", photograph.filled(low_rank)),
        (f"inpaint_biharmonic: {photograph.psnr(smooth):.1f} dB", photograph.filled(smooth)),
        ("the photograph", photograph.truth),
    )
    for axes, (title, picture) in zip(figure.subplots(1, 4), shown, strict=True):
        axes.set_facecolor(RED)  # where nothing is known
        axes.imshow(picture, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
        axes.set_title(title, fontsize=10, color=INK)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
