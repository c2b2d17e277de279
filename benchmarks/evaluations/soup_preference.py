"""soup-preference: one evaluation, as its room computes it and with loops over weights and images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.evaluations.case import Case
from headway_workers.rewarded_soups.digits.classifier import images, network
from headway_workers.rewarded_soups.preference.user import User

WEIGHTS = [0.4, 0.3, 0.2, 0.1]


def cases() -> Iterator[Case]:
    """The probabilities of a soup on all held-out images."""
    user = User(0)
    assert user.networks  # fine-tuned before anything is timed
    yield Case(
        f"soup-preference: a soup's answers to {len(images(held_out=True).digits)} digits",
        lambda: user.right(WEIGHTS),
        lambda: image_by_image(user, WEIGHTS),
        apart,
    )


@torch.no_grad()
def image_by_image(user: User, weights: list[float]) -> NDArray[np.float64]:
    """The state dict summed key by key, and one forward pass an image."""
    mixed = {
        name: torch.stack([w * one[name] for w, one in zip(weights, user.networks, strict=True)]).sum(0)
        for name in user.networks[0]
    }
    model = network()
    model.load_state_dict(mixed)
    test = images(held_out=True)
    found = [
        torch.softmax(model(pixels[None]), 1)[0, digit].item()
        for pixels, digit in zip(test.pixels, test.digits, strict=True)
    ]
    return np.array(found)


def apart(ours: NDArray[np.float64], plain: NDArray[np.float64]) -> float:
    """Largest difference, relative to the largest size."""
    return float(np.abs(ours - plain).max() / np.abs(plain).max())
