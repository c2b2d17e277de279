"""What matrix completion is held to: identities, operation counts, other people's solvers, convergence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from headway_workers.contract import Check
from headway_workers.matrix_completion.algorithms import ALGORITHMS, Setting, gradient
from headway_workers.matrix_completion.convergence import convergence
from headway_workers.matrix_completion.descent import descend, imbalance, operations, spectral_start
from headway_workers.matrix_completion.observed import Observed, random_known
from headway_workers.matrix_completion.recovery import phase_transition
from headway_workers.matrix_completion.residuals import Residuals, residuals, torch_residuals
from headway_workers.matrix_completion.synthetic import Ensemble

ETA = 0.5


def checks() -> Iterator[Check]:
    """Everything, quickest first; about a minute and a half on one core."""
    observed = small()
    yield balance_identity(observed)
    yield gradient_is_the_derivative(observed)
    yield spectral_start_is_the_truncated_svd(observed)
    yield alternating_solves_the_rows(observed)
    yield kernels_agree(observed)
    for algorithm in ALGORITHMS:
        yield operations_as_torch_counts_them(algorithm)
    yield from cost_of_balancing()
    yield from independent_solvers()
    yield from convergence()
    yield from phase_transition()


def small(d1: int = 60, d2: int = 40, rank: int = 3, p: float = 0.5) -> Observed:
    """A random matrix of exact rank, seen with probability p; float64."""
    rng = np.random.default_rng(7)
    M = rng.standard_normal((d1, rank)) @ rng.standard_normal((rank, d2))
    return Observed.where(random_known((d1, d2), p, rng), M)


# Identities


def balance_identity(observed: Observed, eta: float = 0.4, iterations: int = 25) -> Check:
    """X⁺ᵀX⁺ − Y⁺ᵀY⁺ = XᵀX − YᵀY + (η/σ₁)² (GxᵀGx − GyᵀGy), exactly, because XᵀGx = GyᵀY.

    The largest violation over the path, relative to σ₁.
    """
    seen, start = residuals(observed), spectral_start(observed, 4)
    step = eta / start.sigma1
    worst, path = 0.0, list(descend(seen, start, eta, iterations))
    for before, after in pairwise(path):
        GX, GY = gradient(seen.residual(before.X, before.Y), before.X, before.Y, seen.p)
        expected = imbalance(before.X, before.Y) + step**2 * (GX.T @ GX - GY.T @ GY)
        violation = float(np.linalg.norm(imbalance(after.X, after.Y) - expected))
        worst = max(worst, violation / start.sigma1)
    return Check("balance identity, largest relative violation", 0.0, worst, 1e-12)


def gradient_is_the_derivative(observed: Observed) -> Check:
    """∇f in a random direction against the complex step Im f(X + ihD)/h, which loses no digits."""
    rng = np.random.default_rng(11)
    seen, start = residuals(observed, dense=True), spectral_start(observed, 4)
    DX, DY = rng.standard_normal(start.X.shape), rng.standard_normal(start.Y.shape)
    GX, GY = gradient(seen.residual(start.X, start.Y), start.X, start.Y, seen.p)
    h = 1e-30
    exact = float(loss(seen, start.X + 1j * h * DX, start.Y + 1j * h * DY).imag) / h
    ours = float((GX * DX).sum() + (GY * DY).sum())
    return Check("directional derivative, against the complex step", exact, ours, 1e-12 * abs(exact))


def loss(seen: Residuals, X: NDArray[np.generic], Y: NDArray[np.generic]) -> complex:
    """f(X, Y) of problem (2); a polynomial, so complex factors give its analytic continuation."""
    return complex((seen.residual(X, Y) ** 2).sum() / (2 * seen.p))


def spectral_start_is_the_truncated_svd(observed: Observed, rank: int = 5) -> Check:
    """‖X₀Y₀ᵀ − U_r Σ_r V_rᵀ‖_F / σ₁, against numpy's full decomposition."""
    start = spectral_start(observed, rank)
    U, sigma, Vt = np.linalg.svd(observed.dense()[0] / observed.p)
    truncated = (U[:, :rank] * sigma[:rank]) @ Vt[:rank]
    distance = float(np.linalg.norm(start.X @ start.Y.T - truncated)) / float(sigma[0])
    return Check("spectral start, distance to numpy's full SVD", 0.0, distance, 1e-10)


def alternating_solves_the_rows(observed: Observed, rank: int = 3) -> Check:
    """AltMin's first X against `numpy.linalg.lstsq` on each row's own equations; relative distance."""
    seen, start = residuals(observed), spectral_start(observed, rank)
    at = Setting(seen, start.sigma1, ETA, 0.0, start.row_bounds)
    X, _ = ALGORITHMS["AltMin"].step(at, seen.residual(start.X, start.Y), start.X, start.Y)
    rows = []
    for i in range(observed.shape[0]):
        here = observed.rows == i
        rows.append(np.linalg.lstsq(start.Y[observed.columns[here]], observed.values[here], rcond=None)[0])
    expected = np.array(rows)
    distance = float(np.linalg.norm(X - expected) / np.linalg.norm(expected))
    return Check("AltMin's rows, distance to numpy.linalg.lstsq", 0.0, distance, 1e-8)


def kernels_agree(observed: Observed, device: str = "cpu") -> Check:
    """Ten steps of every algorithm by the four residuals; largest relative distance to the dense ones."""
    start = spectral_start(observed, 3)
    kernels = [
        residuals(observed, dense=True),
        residuals(observed, dense=False),
        torch_residuals(observed, device, dense=True),
        torch_residuals(observed, device, dense=False),
    ]
    worst = 0.0
    for algorithm in ALGORITHMS:
        ends = []
        for seen in kernels:
            *_, last = descend(seen, start, ETA, 10, algorithm=algorithm, lam=0.1)
            ends.append(np.asarray((last.X @ last.Y.T).tolist()))
        norm = np.linalg.norm(ends[0])
        worst = max(worst, *(float(np.linalg.norm(end - ends[0]) / norm) for end in ends[1:]))
    return Check("dense, sparse, NumPy and torch, largest relative distance", 0.0, worst, 1e-9)


# Operations


def operations_as_torch_counts_them(algorithm: str, rank: int = 4) -> Check:
    """Products of one step as torch's own counter sees them, and our count without the solves."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    observed = small()
    seen, start = torch_residuals(observed, "cpu", dense=True), spectral_start(observed, rank)
    at = Setting(seen, start.sigma1, ETA, 0.1, start.row_bounds)
    X, Y = seen.place(start.X), seen.place(start.Y)

    def solve_shape(A: torch.Size, B: torch.Size, **_: object) -> int:
        """⅔ r³ a factorisation and 2 r² a right-hand side."""
        n, r, columns = (A[0] if len(A) == 3 else 1), A[-1], B[-1]
        return round(n * (2 * r**3 / 3 + 2 * r * r * columns))

    solves = {torch.ops.aten._linalg_solve_ex: solve_shape}  # noqa: SLF001 - as torch names it
    with FlopCounterMode(display=False, custom_mapping=solves) as counter:
        ALGORITHMS[algorithm].step(at, seen.residual(X, Y), X, Y)
    counted = float(counter.get_total_flops())
    ours = operations(seen, algorithm, rank, 1)
    # The counter rounds each call's ⅔ r³ to a whole number.
    return Check(f"operations of a step of {algorithm}, as torch counts", counted, ours, 2.0)


def cost_of_balancing() -> Iterator[Check]:
    """What BGD adds to VGD's operations, in percent: 4 (d1 + d2) r² of 6 r an entry gone through."""
    observed = Ensemble().draw(0).observed
    for name, dense, expected in (("dense", True, 1.4), ("sparse", False, 7.0)):
        seen = residuals(observed, dense=dense)
        ours = 100.0 * (operations(seen, "BGD", 10, 1) / operations(seen, "VGD", 10, 1) - 1.0)
        yield Check(f"operations that balancing adds, %, {name}", expected, ours, 0.1)


# Other solvers


def independent_solvers() -> Iterator[Check]:
    """A 60 × 50 matrix of rank 2: ours, SciPy's L-BFGS-B from a random start, and the nuclear norm."""
    drawn = Ensemble(60, 50, 2, 0.6).draw(3)
    observed = drawn.observed
    seen = residuals(observed)
    start = spectral_start(observed, 2)
    for algorithm, steps in (("VGD", 500), ("AltMin", 60)):
        *_, last = descend(seen, start, ETA, steps, algorithm=algorithm)
        yield Check(f"60 × 50, error of {algorithm}", 0.0, drawn.error(last.X, last.Y), 1e-5)

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        X, Y = flat[:120].reshape(60, 2), flat[120:].reshape(50, 2)
        R = seen.residual(X, Y)
        GX, GY = gradient(R, X, Y, seen.p)
        return float((R**2).sum() / (2 * seen.p)), np.concatenate([GX.ravel(), GY.ravel()])

    begin = 0.1 * np.random.default_rng(0).standard_normal(220)
    options = {"maxiter": 5_000, "maxfun": 20_000, "ftol": 1e-20, "gtol": 1e-12}
    found = minimize(objective, begin, jac=True, method="L-BFGS-B", options=options).x
    error = drawn.error(found[:120].reshape(60, 2), found[120:].reshape(50, 2))
    yield Check("60 × 50, error of SciPy's L-BFGS-B", 0.0, error, 1e-5)
    Z = least_nuclear_norm(observed)
    distance = float(np.linalg.norm(Z - drawn.truth) / np.linalg.norm(drawn.truth))
    yield Check("60 × 50, error of the least nuclear norm", 0.0, distance, 1e-5)


def least_nuclear_norm(observed: Observed, sweeps: int = 3_000) -> NDArray[np.float64]:
    """The matrix of least nuclear norm with the seen entries, by Douglas-Rachford splitting.

    Convex, so it knows nothing of factors, starts or steps. It is M itself where enough is seen.
    """
    values, mask = observed.dense()
    known = mask > 0
    state = values.copy()
    threshold = 0.1 * float(np.linalg.norm(values, 2))
    shrunk = state
    for _ in range(sweeps):
        U, sigma, Vt = np.linalg.svd(state, full_matrices=False)
        shrunk = (U * np.maximum(sigma - threshold, 0.0)) @ Vt
        reflected = 2.0 * shrunk - state
        change = np.where(known, values, reflected) - shrunk
        state = state + change
        if np.linalg.norm(change) < 1e-8 * np.linalg.norm(values):
            break
    return shrunk
