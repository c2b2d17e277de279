"""The objective image-inpainting: fill in a photograph by low-rank matrix completion."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway.wire.base import Params
from headway.wire.space import Float, Int
from headway.wire.study import Objective as Goal
from headway_workers.contract import Evaluation, FidelityAxis, Metric, Objective, Report, silent
from headway_workers.matrix_completion.course import Unfinished, is_rung, watched
from headway_workers.matrix_completion.descent import descend, operations, spectral_start
from headway_workers.matrix_completion.images import Photograph, camera
from headway_workers.matrix_completion.observed import Matrix
from headway_workers.matrix_completion.residuals import residuals

MISSING = 0.5
"""Share of pixels that are unknown."""


class ImageInpainting(Objective):
    """Peak signal-to-noise ratio, in dB, of the cameraman filled in by vanilla gradient descent.

    Half of 512 × 512 pixels are missing, by a mask that is fixed by the problem's seed. Too low a rank
    blurs, too high a rank or too long a descent fits the known pixels and nothing else, too long a step
    diverges (status `diverged`). Descent is deterministic, so the evaluation's seed changes nothing.
    One core, float32: 0.05 to 2 s.
    """

    name = "image-inpainting"
    summary = "PSNR in dB of a photograph with half its pixels missing, filled in by low-rank completion."
    parameters = (
        Int(1, 60, name="rank"),
        Float(0.05, 1.2, log=True, name="eta"),
        Float(1e-4, 1.0, log=True, name="init_scale"),
        Int(50, 2_000, log=True, name="iterations"),
    )
    goals = (Goal(name="psnr", goal="maximize"),)
    fidelity = FidelityAxis("iterations", 50, 2_000)
    data = "skimage.data.camera, which is part of scikit-image"

    def __init__(self, problem_seed: int = 0, missing: float = MISSING) -> None:
        self.problem_seed = problem_seed
        self.missing = missing

    @cached_property
    def photograph(self) -> Photograph:
        """What is to be filled in, float32."""
        return camera(self.missing, seed=self.problem_seed)

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,  # noqa: ARG002 - nothing in this experiment is random
        fidelity: int | None = None,
        device: str = "cpu",
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """PSNR after `iterations` steps, or after `fidelity` where it is given; rungs at powers of 2."""
        photograph, rank = self.photograph, int(params["rank"])
        iterations = int(params["iterations"]) if fidelity is None else fidelity
        seen = residuals(photograph.observed, device)
        start = spectral_start(photograph.observed, rank, float(params["init_scale"]))
        path = descend(seen, start, float(params["eta"]), iterations)
        try:
            for last in watched(path, iterations, deadline):
                if is_rung(last.iteration):
                    report(last.iteration, photograph.psnr(_product(last.X, last.Y)))
        except Unfinished as end:
            return end.evaluation(operations(seen, "VGD", rank, 1))
        return Evaluation(
            objectives={"psnr": photograph.psnr(_product(last.X, last.Y))},
            metrics={"relative_residual": Metric(last.relative_residual)},
            operations=operations(seen, "VGD", rank, iterations),
        )


def _product(X: Matrix, Y: Matrix) -> NDArray[Any]:
    """X Yᵀ on the processor, shape (d1, d2)."""
    product = X @ Y.T
    return product if isinstance(product, np.ndarray) else product.cpu().numpy()
