"""rewarded-soups: texts and their rewards, in batches behind kept pads and one whole window at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.evaluations.case import Case
from headway_workers.rewarded_soups.text.generation import uniforms, write
from headway_workers.rewarded_soups.text.policy import WINDOW, Policy, policy_of, pretrained
from headway_workers.rewarded_soups.text.reactions import WINDOW as POST
from headway_workers.rewarded_soups.text.reactions import ReactionModel
from headway_workers.rewarded_soups.text.reactions import pretrained as reaction_model
from headway_workers.rewarded_soups.text.reading import Alone

Array = NDArray[np.float64]
TEXTS = 48


def cases() -> Iterator[Case]:
    """A batch of a fine-tune: writing it, and rewarding it."""
    parameters, alphabet = pretrained()
    policy, model = policy_of(parameters), reaction_model()
    numbers = uniforms(TEXTS, 1)
    written = write(Alone(policy, temperature=1.0), numbers, alphabet.boundary)
    texts = written.texts(alphabet)
    yield Case(
        f"rewarded-soups: {TEXTS} texts of 32 symbols, exact windows of {WINDOW}",
        lambda: _symbols_and_likelihood(policy, numbers, alphabet.boundary),
        lambda: window_by_window(policy, numbers, alphabet.boundary),
        _apart,
    )
    yield Case(
        f"rewarded-soups: reactions to {TEXTS} texts, windows of {POST}",
        lambda: model(texts).double().numpy(),
        lambda: text_by_text(model, texts),
        lambda ours, plain: float(np.abs(ours - plain).max()),
    )


def _symbols_and_likelihood(policy: Policy, numbers: NDArray[np.float32], boundary: int) -> Array:
    written = write(Alone(policy, temperature=1.0), numbers, boundary)
    return np.column_stack([written.symbols.numpy(), written.log_likelihood.double().numpy()])


@torch.no_grad()
def window_by_window(policy: Policy, numbers: NDArray[np.float32], boundary: int) -> Array:
    """As the package that the policy comes from: one text after the other, one whole window a symbol."""
    found = np.zeros((len(numbers), numbers.shape[1] + 1))
    for row, u in zip(found, numbers, strict=True):
        symbols = [boundary]
        for column, one in enumerate(u):
            window = torch.tensor([([0] * WINDOW + symbols)[-WINDOW:]])
            log_p = torch.log_softmax(policy(window)[0, 1:], 0).double().numpy()
            chosen = int(np.argmax(np.cumsum(np.exp(log_p)) > one))
            row[column], row[-1] = chosen + 1, row[-1] + log_p[chosen]
            symbols.append(chosen + 1)
            if symbols[-1] == boundary:
                break
    return found


def text_by_text(model: ReactionModel, texts: list[str]) -> Array:
    """As the package that the rewards come from: a window of 140 symbols for each text."""
    return np.concatenate([model([text]).double().numpy() for text in texts])


def _apart(ours: Array, plain: Array) -> float:
    """Of the likelihoods; 1 where a symbol differs."""
    if (ours[:, :-1] != plain[:, :-1]).any():
        return 1.0
    return float(np.abs(ours[:, -1] / plain[:, -1] - 1.0).max())
