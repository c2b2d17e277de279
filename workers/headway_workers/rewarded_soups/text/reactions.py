"""reactionrnn's reaction model in torch: which of five reactions a post on Facebook will get.

Of the last 140 characters, padded on the left with the symbol 0: embedding (100) → GRU (256) as old Keras had
it, with the reset gate before the product and a hard sigmoid σ(x) = clip(0.2 x + 0.5, 0, 1),

    z = σ(Wz x + Uz h),   r = σ(Wr x + Ur h),   h⁺ = z h + (1 − z) tanh(Wh x + Uh (r h)),

→ the positive parts of five outputs over their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from headway_workers.rewarded_soups.text.fetch import REACTIONS as SOURCE
from headway_workers.rewarded_soups.text.fetch import weights
from headway_workers.rewarded_soups.text.policy import vocabulary

REACTIONS = ("love", "wow", "haha", "sad", "angry")
WINDOW = 140
SYMBOLS, EMBEDDED, UNITS = 401, 100, 256


class ReactionModel(nn.Module):
    """Shares of the five reactions. A text that has none of them has zeros."""

    def __init__(self, numbers: dict[str, int]) -> None:
        super().__init__()
        self.numbers = numbers
        self.embedding = nn.Embedding(SYMBOLS, EMBEDDED)
        self.inputs = nn.Linear(EMBEDDED, 3 * UNITS)
        self.recurrence = nn.Parameter(torch.zeros(UNITS, 3 * UNITS))
        self.output = nn.Linear(UNITS, len(REACTIONS))

    @torch.no_grad()
    def forward(self, texts: Sequence[str]) -> Tensor:
        """Shares of love, wow, haha, sad and angry, (N, 5). Characters it doesn't know are left out."""
        known = [[self.numbers[one] for one in text if one in self.numbers][-WINDOW:] for text in texts]
        longest = max(map(len, known), default=0)
        symbols = torch.tensor([[0] * (longest - len(one)) + one for one in known], dtype=torch.long)
        table = self.inputs(self.embedding.weight)  # (401, 768): what each symbol adds to the gates
        state = table.new_zeros(1, UNITS)
        for _ in range(WINDOW - longest):
            state = self._step(table[:1], state)
        state = state.expand(len(known), -1)
        for column in symbols.to(table.device).T:
            state = self._step(table[column], state)
        positive = torch.relu(self.output(state))
        return positive / positive.sum(1, keepdim=True).clamp(min=torch.finfo(positive.dtype).tiny)

    def _step(self, inputs: Tensor, state: Tensor) -> Tensor:
        gates = 2 * UNITS
        both = inputs[:, :gates] + state @ self.recurrence[:, :gates]
        z, r = (0.2 * both + 0.5).clamp(0.0, 1.0).chunk(2, 1)
        new = torch.tanh(inputs[:, gates:] + (r * state) @ self.recurrence[:, gates:])
        return z * state + (1.0 - z) * new


@cache
def pretrained(device: str = "cpu") -> ReactionModel:
    """The pretrained model; fetched at first use.

    Raises:
        DataUnavailable: it can't be had.
    """
    path = weights(SOURCE)
    model = ReactionModel(vocabulary(path))
    model.load_state_dict(load_file(path))
    return model.to(device).eval()
