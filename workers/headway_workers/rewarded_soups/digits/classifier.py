"""A policy that answers an image with a digit, pretrained on all ten and fine-tuned for a group of them.

The rewards conflict. Of two, R₁ = 1 where the answer is right and the digit is 0 to 4, R₂ where it is right
and 5 to 9; of K, the digits are in K groups as even as can be. Whoever is paid for the one forgets the other.
A mean reward needs no draws: that of an image is the policy's probability of its digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from headway_workers.rewarded_soups.interpolation import State

PIXELS, WIDTH, DIGITS = 64, 64, 10
BRIGHTEST = 16.0
"""Largest pixel value in the data set."""

PRETRAINING_STEPS, FINE_TUNING_STEPS = 60, 150
BATCH = 256
RATE = 3e-3
KL_COEF = 0.05


class Images(NamedTuple):
    """Pixels in [0, 1], (N, 64), and which digits they show, (N,)."""

    pixels: Tensor
    digits: Tensor


@cache
def images(*, held_out: bool) -> Images:
    """The half to train on, or the half to evaluate on, of scikit-learn's 1,797 digits."""
    pixels, digits = load_digits(return_X_y=True)
    half = np.arange(len(digits)) % 2 == int(held_out)
    return Images(
        torch.from_numpy(pixels[half] / BRIGHTEST).float(), torch.from_numpy(digits[half].astype(np.int64))
    )


def network() -> nn.Sequential:
    """Two hidden layers of 64 rectified units; logits of the ten digits, from (N, 64) to (N, 10)."""
    return nn.Sequential(
        nn.Linear(PIXELS, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, DIGITS)
    )


def pretrained(seed: int, device: str = "cpu") -> State:
    """A network that has seen every digit, but not for long: Adam on the cross-entropy, 60 batches."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network()
    model = model.to(device)
    adam = torch.optim.Adam(model.parameters(), lr=RATE)
    train, random = images(held_out=False), torch.Generator().manual_seed(seed)
    for _ in range(PRETRAINING_STEPS):
        chosen = torch.randint(len(train.digits), (BATCH,), generator=random)
        loss = cross_entropy(model(train.pixels[chosen].to(device)), train.digits[chosen].to(device))
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    return model.state_dict()


def fine_tuned(start: State, preference: Sequence[float], seed: int, device: str = "cpu") -> State:
    """The start after REINFORCE on Σ μₖ Rₖ, with a batch's mean reward for a baseline; μ (K,) is paid.

    The penalty on KL(π‖π₀) is exact over the ten answers.
    """
    model, reference = network(), network()
    model.load_state_dict(dict(start))
    reference.load_state_dict(dict(start))
    model, reference = model.to(device), reference.to(device)
    adam = torch.optim.Adam(model.parameters(), lr=RATE)
    train, random = images(held_out=False), torch.Generator().manual_seed(seed)
    for _ in range(FINE_TUNING_STEPS):
        chosen = torch.randint(len(train.digits), (BATCH,), generator=random)
        pixels, digits = train.pixels[chosen].to(device), train.digits[chosen].to(device)
        log_p = torch.log_softmax(model(pixels), 1)
        with torch.no_grad():
            log_q = torch.log_softmax(reference(pixels), 1)
        u = torch.rand(BATCH, 1, generator=random).to(device)
        answers = (log_p.detach().exp().cumsum(1) < u).sum(1, keepdim=True).clamp(max=DIGITS - 1)
        reward = _worth(digits, preference) * (answers[:, 0] == digits)
        advantage = (reward - reward.mean()) / reward.std().clamp(min=1e-6)
        divergence = (log_p.exp() * (log_p - log_q)).sum(1)
        loss = (KL_COEF * divergence - advantage * log_p.gather(1, answers)[:, 0]).mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    return model.state_dict()


@torch.no_grad()
def rewards(state: State, device: str = "cpu", count: int = 2) -> NDArray[np.float64]:
    """Expected R₁ to R_K of each held-out image, (N, K); `count` is K."""
    model = network()
    model.load_state_dict(dict(state))
    test = images(held_out=True)
    right = torch.softmax(model.to(device)(test.pixels.to(device)), 1).cpu()
    right = right.gather(1, test.digits[:, None])[:, 0].double()
    own = one_hot(group(test.digits, count), count)
    return np.asarray(right[:, None] * own)


def group(digits: Tensor, count: int) -> Tensor:
    """Which of K groups digits are in, from 0: (N,) to (N,)."""
    return digits * count // DIGITS


def _worth(digits: Tensor, preference: Sequence[float]) -> Tensor:
    """What a right answer is paid, (N,)."""
    worth = torch.tensor(preference, dtype=torch.float32, device=digits.device)
    return worth[group(digits, len(preference))]
