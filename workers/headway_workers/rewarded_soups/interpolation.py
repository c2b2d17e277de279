"""A soup: networks that were fine-tuned from one start, averaged weight by weight.

θ(λ) = Σ λᵢ θᵢ with λ in the simplex (Ramé et al. 2023, "Rewarded soups", §2.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

State = Mapping[str, torch.Tensor]
"""A network's weights and buffers by name, as `state_dict` gives them."""

Weights = TypeVar("Weights", torch.Tensor, NDArray[np.floating[Any]])

SIMPLEX_TOLERANCE = 1e-9


def soup(networks: Sequence[State], weights: Sequence[float]) -> dict[str, torch.Tensor]:
    """The state dict θ(λ) of N networks (N,) with weights λ (N,); the tensors are new.

    A corner of the simplex gives that network bit for bit, and networks that are the same give themselves.
    Tensors of whole numbers (a counter of batches) can't be averaged, and must be the same in all.

    Raises:
        ValueError: λ is not in the simplex, or the networks differ in names, shapes or whole numbers.
    """
    first = networks[0]
    for i, other in enumerate(networks[1:], start=1):
        if other.keys() != first.keys():
            raise ValueError(
                f"Networks 0 and {i} differ in {sorted(other.keys() ^ first.keys())[:5]}: "
                "a soup is made of one architecture."
            )
    mixed = {}
    for name in first:
        tensors = [network[name].detach() for network in networks]
        if tensors[0].is_floating_point():
            try:
                mixed[name] = interpolated(tensors, weights)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        elif all(torch.equal(tensors[0], one) for one in tensors[1:]):
            mixed[name] = tensors[0].clone()
        else:
            raise ValueError(
                f"{name}: whole numbers that differ between networks can't be averaged. Leave them out."
            )
    return mixed


def interpolated(points: Sequence[Weights], weights: Sequence[float]) -> Weights:
    """Σ λᵢ θᵢ of N arrays of one shape, as a new array.

    Worked out as θₐ − Σ λᵢ (θₐ − θᵢ) from the point a of the largest weight, which is exact at the corners
    and for points that are the same, signs of zeros included; the plain sum is neither (λ = ⅓ thrice).

    Raises:
        ValueError: λ is not in the simplex, or shapes differ.
    """
    check_simplex(weights, len(points))
    if len({tuple(point.shape) for point in points}) > 1:
        shapes = ", ".join(str(tuple(point.shape)) for point in points)
        raise ValueError(f"Arrays of shapes {shapes} can't be averaged: give one shape.")
    largest = int(np.argmax(weights))
    anchor = points[largest]
    away = [
        weight * (anchor - point)
        for i, (point, weight) in enumerate(zip(points, weights, strict=True))
        if i != largest and weight != 0.0
    ]
    if not away:
        return anchor.clone() if isinstance(anchor, torch.Tensor) else anchor.copy()
    return anchor - sum(away[1:], start=away[0])


def check_simplex(weights: Sequence[float], count: int) -> None:
    """Raise where weights are not `count` numbers of at least 0 that sum to 1, to 1e-9.

    Raises:
        ValueError: naming the weights.
    """
    if len(weights) != count:
        raise ValueError(f"weights = {list(weights)}: give one for each of the {count} networks.")
    if not all(weight >= 0.0 for weight in weights) or abs(math.fsum(weights) - 1.0) > SIMPLEX_TOLERANCE:
        raise ValueError(
            f"weights = {list(weights)} are not in the simplex: give numbers of at least 0 that sum to 1."
        )


def segment(count: int) -> list[tuple[float, float]]:
    """Evenly spaced weights (1 − λ, λ) from λ = 0 to 1, ends included: the soups of two networks.

    Raises:
        ValueError: count is below 2.
    """
    if count < 2:
        raise ValueError(f"count = {count}: a segment has two ends, so give at least 2.")
    return [(1.0 - i / (count - 1), i / (count - 1)) for i in range(count)]
