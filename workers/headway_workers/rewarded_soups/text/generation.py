"""Texts drawn from a policy, many at a time, with what fine-tuning needs to know of them.

A text ends at its first boundary or its last column. A symbol is the inverse of the distribution function at
a given uniform number, so that policies which are given the same numbers write with common random numbers.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headway_workers.rewarded_soups.text.policy import PAD, WINDOW, Alphabet

LENGTH = 32
"""Symbols of a text, at most."""
TOGETHER = 512
"""Texts that are written side by side where no gradient is wanted."""


class Written(NamedTuple):
    """Texts, and sums over the symbols of each."""

    symbols: Tensor
    """(N, T), with pads behind a text's boundary."""
    log_likelihood: Tensor
    """Σ log π of the drawn symbols, (N,)."""
    divergence: Tensor
    """Σ KL(π‖π₀) over the alphabet, exact at each prefix that was reached, (N,), nats; zeros where no
    reference was given."""
    drawn: Tensor
    """Symbols drawn, the boundary among them, (N,)."""

    def texts(self, alphabet: Alphabet) -> list[str]:
        """In characters."""
        return [alphabet.decode(row) for row in self.symbols.tolist()]


def uniforms(texts: int, *key: int, length: int = LENGTH) -> NDArray[np.float32]:
    """Numbers in [0, 1) for so many texts, (N, T), under a key."""
    return np.random.default_rng(key).random((texts, length), dtype=np.float32)


class Reader(Protocol):
    """What gives the distribution of the next symbol behind texts."""

    example: Tensor
    """Of the kind and on the device that it computes with."""

    def read(self, text: Tensor) -> tuple[Tensor, Tensor | None]:
        """Log π of symbols 1 to 464, (N, 464), behind texts of t symbols, (t, N).

        And KL(π‖π₀) of each, (N,), in nats, where there is a reference.
        """


@torch.no_grad()
def write(reader: Reader, numbers: NDArray[np.float32], boundary: int) -> Written:
    """Texts for these uniform numbers, (N, T), without a gradient."""
    parts = [
        roll_out(reader, part, boundary) for part in np.array_split(numbers, -(-len(numbers) // TOGETHER))
    ]
    return Written(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def roll_out(reader: Reader, numbers: NDArray[np.float32], boundary: int) -> Written:
    """Texts for these uniform numbers, (N, T) with T ≤ 40, differentiable in the reader's parameters.

    Symbols are drawn; the gradient is that of the log-likelihood and of the divergence at the prefixes drawn.

    Raises:
        ValueError: texts would outgrow the window behind which their prefixes are still whole.
    """
    size, length = numbers.shape
    if length > WINDOW:
        raise ValueError(f"Texts of {length} symbols: a window holds {WINDOW}; give at most so many columns.")
    device = reader.example.device
    u = torch.from_numpy(numbers).to(device)
    written = torch.full((length + 1, size), PAD, device=device)
    written[0] = boundary
    at = torch.arange(size, device=device)  # the texts that go on
    likelihood, divergence, drawn = reader.example.new_zeros(3, size).unbind()
    for column in range(length):
        log_p, apart = reader.read(written[: column + 1, at])
        if apart is not None:
            divergence = divergence.index_add(0, at, apart)
        chosen = _inverse(log_p.detach().exp(), u[at, column])
        likelihood = likelihood.index_add(0, at, log_p.gather(1, chosen[:, None])[:, 0])
        drawn[at] += 1.0
        written[column + 1, at] = chosen + 1
        at = at[chosen + 1 != boundary]
        if not len(at):
            break
    return Written(written[1:].T, likelihood, divergence, drawn)


def _inverse(probabilities: Tensor, u: Tensor) -> Tensor:
    """The first column at which the distribution function exceeds u, (N,)."""
    sums = probabilities.double().cumsum(1)
    found = torch.searchsorted(sums, (u.double() * sums[:, -1])[:, None], right=True)[:, 0]
    return found.clamp(max=probabilities.shape[1] - 1)
