"""A photograph with pixels missing at random, and how well it was filled in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage import data

from headway_workers.matrix_completion.observed import Matrix, Observed


@dataclass(frozen=True)
class Photograph:
    """Grey values in [0, 1], and which of them are known."""

    truth: Matrix
    """Shape (d1, d2)."""
    known: NDArray[np.bool_]
    """Which pixels are known, shape (d1, d2)."""

    @property
    def observed(self) -> Observed:
        """The known pixels."""
        return Observed.where(self.known, self.truth)

    def filled(self, estimate: Matrix) -> Matrix:
        """The known pixels as they are, the others from the estimate, cut to [0, 1]."""
        return np.where(self.known, self.truth, np.clip(estimate, 0.0, 1.0))

    def psnr(self, estimate: Matrix) -> float:
        """Peak signal-to-noise ratio of the filled photograph, dB: −10 log₁₀ of its mean squared error.

        The mean runs over all pixels; those that are known contribute no error.
        """
        error = self.filled(estimate).astype(np.float64) - self.truth
        return float(-10.0 * np.log10(np.mean(error**2)))


def camera(missing: float, *, seed: int, dtype: type[np.floating] = np.float32) -> Photograph:
    """The cameraman, 512 × 512, which scikit-image ships, with a share `missing` of its pixels unknown.

    Each pixel goes missing independently, drawn from `seed`.
    """
    picture: NDArray[np.uint8] = data.camera()  # type: ignore[no-untyped-call] # scikit-image's own gap
    truth = (picture / 255.0).astype(dtype)
    known = np.asarray(np.random.default_rng(seed).random(truth.shape) >= missing)
    return Photograph(truth, known)
