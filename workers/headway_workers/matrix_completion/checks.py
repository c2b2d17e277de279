"""What matrix completion is held to: exact identities, other decompositions, and a measured table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from skimage.restoration import inpaint_biharmonic

from headway_workers.contract import Check
from headway_workers.matrix_completion.descent import (
    Iterate,
    Matrix,
    Sampled,
    descend,
    gradient,
    loss,
    residual,
    spectral_start,
)
from headway_workers.matrix_completion.images import camera
from headway_workers.matrix_completion.inpainting import ImageInpainting

PSNR_TABLE = {
    0.3: {10: 26.8, 20: 28.5, 40: 29.1},
    0.5: {10: 24.4, 20: 25.8, 40: 25.2},
    0.7: {10: 22.4, 20: 22.7, 40: 18.8},
}
"""Share missing → rank → dB, with η = 0.5 and 400 iterations: from an independent trial, another mask."""

MASK_TOLERANCE_DB = 0.2
"""Masks differ by about 0.1 dB at the same settings."""


def checks() -> Iterator[Check]:
    """Everything, quickest first; about 8 s on one core."""
    sampled = synthetic()
    yield balance_identity(sampled)
    yield gradient_is_the_derivative(sampled)
    yield spectral_start_is_the_truncated_svd(sampled)
    yield from psnr_table()
    yield biharmonic_baseline()


def synthetic(d1: int = 60, d2: int = 40, rank: int = 3, p: float = 0.5) -> Sampled:
    """A random matrix of exact rank, seen with probability p; float64."""
    rng = np.random.default_rng(7)
    M = rng.standard_normal((d1, rank)) @ rng.standard_normal((rank, d2))
    mask = (rng.random((d1, d2)) < p).astype(np.float64)
    return Sampled(M * mask, mask)


def balance_identity(sampled: Sampled, eta: float = 0.4, iterations: int = 25) -> Check:
    """X⁺ᵀX⁺ − Y⁺ᵀY⁺ = XᵀX − YᵀY + (η/σ₁)² (GxᵀGx − GyᵀGy), exactly, because XᵀGx = GyᵀY.

    The largest violation over the path, relative to σ₁.
    """
    start = spectral_start(sampled, 4)
    step = eta / start.sigma1

    def imbalance(at: Iterate) -> Matrix:
        difference: Matrix = at.X.T @ at.X - at.Y.T @ at.Y
        return difference

    worst, path = 0.0, list(descend(sampled, start, eta, iterations))
    for before, after in pairwise(path):
        GX, GY = gradient(residual(sampled, before.X, before.Y), before.X, before.Y, sampled.p)
        expected = imbalance(before) + step**2 * (GX.T @ GX - GY.T @ GY)
        worst = max(worst, float(np.linalg.norm(imbalance(after) - expected)) / start.sigma1)
    return Check("balance identity, largest relative violation", 0.0, worst, 1e-12)


def gradient_is_the_derivative(sampled: Sampled) -> Check:
    """∇f in a random direction against the complex step Im f(X + ihD)/h, which loses no digits."""
    rng = np.random.default_rng(11)
    start = spectral_start(sampled, 4)
    DX, DY = rng.standard_normal(start.X.shape), rng.standard_normal(start.Y.shape)
    GX, GY = gradient(residual(sampled, start.X, start.Y), start.X, start.Y, sampled.p)
    h = 1e-30
    exact = float(loss(sampled, start.X + 1j * h * DX, start.Y + 1j * h * DY).imag) / h
    ours = float((GX * DX).sum() + (GY * DY).sum())
    return Check("directional derivative, against the complex step", exact, ours, 1e-12 * abs(exact))


def spectral_start_is_the_truncated_svd(sampled: Sampled, rank: int = 5) -> Check:
    """‖X₀Y₀ᵀ − U_r Σ_r V_rᵀ‖_F / σ₁, against numpy's full decomposition."""
    start = spectral_start(sampled, rank)
    U, sigma, Vt = np.linalg.svd(sampled.values / sampled.p)
    truncated = (U[:, :rank] * sigma[:rank]) @ Vt[:rank]
    distance = float(np.linalg.norm(start.X @ start.Y.T - truncated)) / float(sigma[0])
    return Check("spectral start, distance to numpy's full SVD", 0.0, distance, 1e-10)


def psnr_table() -> Iterator[Check]:
    """The cameraman at three shares of missing pixels and three ranks, through the objective itself."""
    for missing, row in PSNR_TABLE.items():
        objective = ImageInpainting(missing=missing)
        for rank, expected in row.items():
            found = objective.evaluate({"rank": rank, "eta": 0.5, "init_scale": 1.0, "iterations": 400})
            name = f"PSNR in dB, {missing:.0%} missing, rank {rank}"
            yield Check(name, expected, found.objectives["psnr"], MASK_TOLERANCE_DB)


def biharmonic_baseline() -> Check:
    """Local smoothness beside low rank on the same photograph: reported, not judged.

    On pixels missing at random the biharmonic filling should win: neighbours know more than rank does.
    """
    photograph = camera(0.5, seed=0, dtype=np.float64)
    values, mask = photograph.sampled.values, photograph.sampled.mask
    baseline = photograph.psnr(inpaint_biharmonic(values, mask == 0))
    start = spectral_start(photograph.sampled, 20)
    *_, last = descend(photograph.sampled, start, 0.5, 400)
    ours = photograph.psnr(last.X @ last.Y.T)
    return Check("PSNR in dB, inpaint_biharmonic beside rank 20", baseline, ours, None)
