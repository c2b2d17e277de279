"""What policies expect behind a text: one alone, one beside its reference, or several mixed.

A policy is π(a | window) = softmax(logits / temperature) over every symbol but the pad, a ≥ 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from headway_workers.rewarded_soups.text.policy import Pads, Policy


class Alone:
    """A policy."""

    def __init__(self, policy: Policy, *, temperature: float) -> None:
        self._policy, self._temperature = policy, temperature
        self._pads = policy.pads()
        self.example: Tensor = policy.output.weight

    def read(self, text: Tensor) -> tuple[Tensor, None]:
        """Log π, (N, 464)."""
        return _log_policy(self._policy.after_pads(text, self._pads), self._temperature), None


class Beside:
    """A policy, and how far it is from a reference.

    Layers that the two share, frozen in both, are computed once.
    """

    def __init__(self, policy: Policy, reference: Policy, *, temperature: float) -> None:
        self._policy, self._reference, self._temperature = policy, reference, temperature
        self._pads = policy.pads()
        self.example: Tensor = policy.output.weight
        with torch.no_grad():
            self._reference_pads: Pads = reference.pads()
        self._same_lower = _equal(policy, reference, "embedding", "rnn_1")
        self._same_upper = self._same_lower and _equal(policy, reference, "rnn_2")

    def read(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Log π, (N, 464), and KL(π‖π₀), (N,)."""
        lower = self._policy.lower(text, self._pads)
        upper = self._policy.upper(text, lower, self._pads)
        log_p = _log_policy(self._policy.head(text, lower, upper, self._pads), self._temperature)
        log_q = _log_policy(self._of_reference(text, lower, upper), self._temperature)
        return log_p, (log_p.exp() * (log_p - log_q)).sum(1)

    @torch.no_grad()
    def _of_reference(self, text: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Its logits, (N, 465)."""
        reference, pads = self._reference, self._reference_pads
        if not self._same_lower:
            lower = reference.lower(text, pads)
        if not self._same_upper:
            upper = reference.upper(text, lower, pads)
        return reference.head(text, lower, upper, pads)


class Mixed:
    """The geometric mixture of policies: π(a | window) ∝ Π πᵢ(a | window)^λᵢ.

    Over whole texts the optimum of Σ λᵢ Rᵢ − β KL(π‖π₀) is this mixture of the optima for each Rᵢ, since
    these are π₀ exp(Rᵢ/β). Symbol by symbol it is what Shi et al. 2024 (arXiv 2406.18853) decode with.
    """

    def __init__(self, policies: Sequence[Policy], weights: Sequence[float], *, temperature: float) -> None:
        self._readers = [Alone(policy, temperature=temperature) for policy in policies]
        self._weights = weights
        self.example = self._readers[0].example

    def read(self, text: Tensor) -> tuple[Tensor, None]:
        """Log π, (N, 464)."""
        parts = zip(self._weights, self._readers, strict=True)
        mean = torch.stack([weight * reader.read(text)[0] for weight, reader in parts]).sum(0)
        return torch.log_softmax(mean, 1), None


def _log_policy(logits: Tensor, temperature: float) -> Tensor:
    """Log π of symbols 1 to 464, (N, 464)."""
    return torch.log_softmax(logits[:, 1:] * (1.0 / temperature), 1)


def _equal(policy: Policy, reference: Policy, *layers: str) -> bool:
    """Whether these layers have the same parameters, bit for bit."""
    return all(
        bool(torch.equal(mine, theirs))
        for layer in layers
        for mine, theirs in zip(_parameters(policy, layer), _parameters(reference, layer), strict=True)
    )


def _parameters(policy: Policy, layer: str) -> Iterable[Tensor]:
    found: Iterable[Tensor] = policy.get_submodule(layer).parameters()
    return found
