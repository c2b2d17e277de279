"""Orthogonal data with labels, and the networks that are trained on them.

The inputs x_1 … x_n in R^d are orthogonal, d ≥ n, and the network is

    f(x) = Σ_j a_j relu(w_j · x),    j = 1 … m,    loss L = 1/(2n) Σ_i (y_i − f(x_i))²,

without biases. Coordinates of w_j orthogonal to all inputs never change and never matter, so x_i = c_i e_i
in R^n with c_i = ‖x_i‖ loses nothing but those; d drops out. u_ji = w_j · x_i is what neuron j sees of x_i.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Signs: TypeAlias = NDArray[np.bool_]
"""True is positive."""

LabelLaw = Literal["rademacher", "dana"]
"""How the data are drawn. `rademacher`: ‖x_i‖ = 1 and |y_i| ~ U(1, 1 + spread), so ±1 without a spread.
`dana`: |y_i| ~ U(1, 2) and ‖x_i‖ ~ U(1, 2), as in the code of arXiv 2502.16977 for orthogonal data."""

Initialisation = Literal["balanced", "dominant_output"]
"""How |a_j(0)| is drawn, see `initial_weights`."""


@dataclass(frozen=True)
class Problem:
    """n orthogonal inputs with their labels.

    Raises:
        ValueError: no data, shapes that differ, a label that is 0 or an input of no length.
    """

    labels: Array
    """y, shape (n,)."""
    norms: Array
    """c_i = ‖x_i‖, shape (n,)."""

    def __post_init__(self) -> None:
        if self.labels.ndim != 1 or self.labels.shape != self.norms.shape or not self.labels.size:
            raise ValueError(
                f"labels and norms have shapes {self.labels.shape} and {self.norms.shape}: both are (n,), "
                "with n at least 1."
            )
        if not np.all(np.isfinite(self.labels) & (self.labels != 0.0)):
            raise ValueError("labels must be finite and not 0: a label of 0 is on neither side.")
        if not np.all(np.isfinite(self.norms) & (self.norms > 0.0)):
            raise ValueError("norms must be finite and positive: drop inputs that are 0.")

    @property
    def n(self) -> int:
        """How many data there are."""
        return self.labels.size

    @property
    def positive(self) -> Signs:
        """Which labels are positive, shape (n,)."""
        return self.labels > 0.0

    @property
    def pull(self) -> Array:
        """|y_i| c_i, shape (n,): how strongly a datum that is not fitted makes a neuron grow."""
        return np.abs(self.labels) * self.norms

    @property
    def cost(self) -> Array:
        """|y_i| / c_i, shape (n,): length of the weights that a neuron with |a| = 1 needs for x_i."""
        return np.abs(self.labels) / self.norms


def draw_problem(
    n: int,
    *,
    seed: int,
    law: LabelLaw = "rademacher",
    pos_fraction: float = 0.5,
    label_spread: float = 0.0,
) -> Problem:
    """Draw n data of a label law; exactly round(pos_fraction · n) of the labels are positive.

    The number is exact and not drawn, so that the probability of interpolation is that of the law.

    Raises:
        ValueError: naming the argument that is out of its range.
    """
    if n < 1:
        raise ValueError(f"n = {n}: there must be at least one datum.")
    if not 0.0 <= pos_fraction <= 1.0:
        raise ValueError(f"pos_fraction = {pos_fraction}: a share lies in [0, 1].")
    if label_spread < 0.0:
        raise ValueError(f"label_spread = {label_spread}: the labels' spread is at least 0.")
    if law not in {"rademacher", "dana"}:
        raise ValueError(f"law = {law!r}: choose 'rademacher' or 'dana'.")
    if law == "dana" and label_spread > 0.0:
        raise ValueError(f"label_spread = {label_spread}: the law 'dana' has |y| ~ U(1, 2); leave it at 0.")
    rng = np.random.default_rng(seed)
    positive = rng.permutation(n) < round(pos_fraction * n)
    spread = 1.0 if law == "dana" else label_spread
    size = 1.0 + spread * rng.random(n)
    norms = 1.0 + rng.random(n) if law == "dana" else np.ones(n)
    return Problem(np.where(positive, size, -size), norms)


@dataclass(frozen=True)
class Patterns:
    """What the limit of small initialisation knows of B networks of m neurons: signs."""

    output: Signs
    """Which a_j are positive, shape (B, m)."""
    active: Signs
    """Which u_ji(0) are positive, shape (B, m, n)."""

    def fitting(self, problem: Problem) -> Signs:
        """Whether i ∈ A_j: neuron j sees datum i, on the label's own side; shape (B, m, n).

        A coordinate that is active on the wrong side dies before the first jump, and one that is inactive
        has no gradient, so what is not in any A_j is never fitted.
        """
        fitting: Signs = self.active & (self.output[:, :, None] == problem.positive)
        return fitting

    def interpolates(self, problem: Problem) -> Signs:
        """Which networks have every datum in some A_j, shape (B,): those that end with loss 0."""
        fitted: Signs = np.all(np.any(self.fitting(problem), axis=1), axis=1)
        return fitted


def draw_patterns(seeds: tuple[int, ...], replicates: range, m: int, n: int) -> Patterns:
    """The signs of networks `replicates` of the family that `seeds` names: all fair coins.

    Each network has a stream of its own: which others are drawn with it changes nothing.
    """
    output = np.empty((len(replicates), m), dtype=np.bool_)
    active = np.empty((len(replicates), m, n), dtype=np.bool_)
    for row, replicate in enumerate(replicates):
        rng = _stream(seeds, replicate, 0)
        output[row] = rng.integers(0, 2, m, dtype=np.bool_)
        active[row] = rng.integers(0, 2, (m, n), dtype=np.bool_)
    return Patterns(output, active)


@dataclass(frozen=True)
class Weights:
    """A network's weights in units of the initialisation's scale ε, for which ε → 0 is to be taken."""

    a: Array
    """Output weights, shape (m,); none is 0."""
    w: Array
    """Input weights, shape (m, n), in the coordinates where x_i = c_i e_i."""


def draw_weights(
    seeds: tuple[int, ...], replicate: int, m: int, n: int, init: Initialisation = "balanced"
) -> Weights:
    """Network `replicate` of a family with its weights, whose signs are those of `draw_patterns`.

    w_j = g_j with g_j ~ N(0, I_n / n), and |a_j| = ‖w_j‖ (`balanced`, as in Boursier et al.) or
    ‖w_j‖ + Exp(1) (`dominant_output`, as in the code of arXiv 2502.16977, there without a scale ε). Under
    both a_j² − ‖w_j‖² ≥ 0 is conserved by the flow, so no a_j changes its sign.
    """
    signs = draw_patterns(seeds, range(replicate, replicate + 1), m, n)
    rng = _stream(seeds, replicate, 1)
    w = np.abs(rng.standard_normal((m, n))) / n**0.5
    size = np.linalg.norm(w, axis=1)
    if init == "dominant_output":
        size += rng.exponential(size=m)
    return Weights(np.where(signs.output[0], size, -size), np.where(signs.active[0], w, -w))


def _stream(seeds: tuple[int, ...], replicate: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((*seeds, replicate, purpose))))
