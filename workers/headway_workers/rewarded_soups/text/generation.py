"""Texts drawn from a policy, many at a time, with what fine-tuning needs to know of them.

The policy is π(a | window) = softmax(logits / temperature) over every symbol but the pad, a ≥ 1, and a text
ends at its first boundary or its last column. A symbol is the inverse of the distribution function at a given
uniform number, so that policies which are given the same numbers write with common random numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headway_workers.rewarded_soups.text.policy import PAD, WINDOW, Alphabet, Pads, Policy

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


@torch.no_grad()
def write(
    policy: Policy,
    numbers: NDArray[np.float32],
    boundary: int,
    *,
    temperature: float,
    reference: Policy | None = None,
) -> Written:
    """Texts for these uniform numbers, (N, T), without a gradient."""
    parts = [
        roll_out(policy, part, boundary, temperature=temperature, reference=reference)
        for part in np.array_split(numbers, -(-len(numbers) // TOGETHER))
    ]
    return Written(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def roll_out(
    policy: Policy,
    numbers: NDArray[np.float32],
    boundary: int,
    *,
    temperature: float,
    reference: Policy | None = None,
) -> Written:
    """Texts for these uniform numbers, (N, T) with T ≤ 40, differentiable in the policy's parameters.

    Symbols are drawn; the gradient is that of the log-likelihood and of the divergence at the prefixes drawn.
    Layers that the policy shares with the reference, frozen in both, are computed once.

    Raises:
        ValueError: texts would outgrow the window behind which their prefixes are still whole.
    """
    size, length = numbers.shape
    if length > WINDOW:
        raise ValueError(f"Texts of {length} symbols: a window holds {WINDOW}; give at most so many columns.")
    device = policy.output.weight.device
    u = torch.from_numpy(numbers).to(device)
    pads = policy.pads()
    beside = None if reference is None else _Beside(policy, reference)
    written = torch.full((length + 1, size), PAD, device=device)
    written[0] = boundary
    at = torch.arange(size, device=device)  # the texts that go on
    likelihood, divergence, drawn = policy.output.weight.new_zeros(3, size).unbind()
    for column in range(length):
        text = written[: column + 1, at]
        lower = policy.lower(text, pads)
        upper = policy.upper(text, lower, pads)
        log_p = _log_policy(policy.head(text, lower, upper, pads), temperature)
        probabilities = log_p.detach().exp()
        if beside is not None:
            log_q = _log_policy(beside.logits(text, lower, upper), temperature)
            divergence = divergence.index_add(0, at, (log_p.exp() * (log_p - log_q)).sum(1))
        chosen = _inverse(probabilities, u[at, column])
        likelihood = likelihood.index_add(0, at, log_p.gather(1, chosen[:, None])[:, 0])
        drawn[at] += 1.0
        written[column + 1, at] = chosen + 1
        at = at[chosen + 1 != boundary]
        if not len(at):
            break
    return Written(written[1:].T, likelihood, divergence, drawn)


def _log_policy(logits: Tensor, temperature: float) -> Tensor:
    """Log π of symbols 1 to 464, (N, 464)."""
    return torch.log_softmax(logits[:, 1:] * (1.0 / temperature), 1)


def _inverse(probabilities: Tensor, u: Tensor) -> Tensor:
    """The first column at which the distribution function exceeds u, (N,)."""
    sums = probabilities.double().cumsum(1)
    found = torch.searchsorted(sums, (u.double() * sums[:, -1])[:, None], right=True)[:, 0]
    return found.clamp(max=probabilities.shape[1] - 1)


class _Beside:
    """A reference policy that reads what a policy writes."""

    def __init__(self, policy: Policy, reference: Policy) -> None:
        self._reference = reference
        with torch.no_grad():
            self._pads: Pads = reference.pads()
        self._same_lower = _equal(policy, reference, "embedding", "rnn_1")
        self._same_upper = self._same_lower and _equal(policy, reference, "rnn_2")

    @torch.no_grad()
    def logits(self, text: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """The reference's, (N, 465)."""
        reference = self._reference
        if not self._same_lower:
            lower = reference.lower(text, self._pads)
        if not self._same_upper:
            upper = reference.upper(text, lower, self._pads)
        return reference.head(text, lower, upper, self._pads)


def _equal(policy: Policy, reference: Policy, *layers: str) -> bool:
    """Whether these layers have the same parameters, bit for bit."""
    return all(
        bool(torch.equal(mine, theirs))
        for layer in layers
        for mine, theirs in zip(_parameters(policy, layer), _parameters(reference, layer), strict=True)
    )


def _parameters(policy: Policy, layer: str) -> Any:
    return getattr(policy, layer).parameters()
