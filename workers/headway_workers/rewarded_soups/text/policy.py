"""textgenrnn's character language model in torch, pretrained on titles from Reddit.

Of a window of 40 characters: embedding (100) → LSTM (128) → LSTM (128); the three side by side, averaged over
the window with the softmax of a linear attention; dense to the alphabet. A text that is shorter than the
window is padded on the left with the symbol 0, *which the network reads like any other*, so that the state
behind t characters differs with the number of pads before them, for as long as there are pads: a recurrent
state can't be carried from one window to the next. What can be kept are the states behind 0 to 39 pads, which
no text changes. `Policy.forward` runs whole windows and defines the network; `Policy.after_pads` starts
behind the pads, and gives the same logits with 40/t times fewer steps for windows of t characters.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from headway_workers.rewarded_soups.text.conversion import VOCABULARY
from headway_workers.rewarded_soups.text.fetch import POLICY, weights

SYMBOLS, EMBEDDED, UNITS = 465, 100, 128
WINDOW = 40
"""Characters that the network sees."""
PAD = 0
BOUNDARY = "<s>"
"""The symbol before and behind every text."""

State = tuple[Tensor, Tensor]
"""A layer's output and cell, (1, N, 128) each."""


class Pads(NamedTuple):
    """What the network computes on pads alone, for 0 to 39 of them."""

    first: list[State]
    """The first layer's states, batches of one."""
    second: list[State]
    outputs: Tensor
    """Embedding and both layers' outputs at each pad, (39, 356)."""


class Policy(nn.Module):
    """The network; its parameters are a dictionary that soups are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, EMBEDDED)
        self.rnn_1 = nn.LSTM(EMBEDDED, UNITS)
        self.rnn_2 = nn.LSTM(UNITS, UNITS)
        self.attention = nn.Linear(EMBEDDED + 2 * UNITS, 1, bias=False)
        self.output = nn.Linear(EMBEDDED + 2 * UNITS, SYMBOLS)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits of the next symbol, (N, 465), of whole windows, (N, 40), pads and all."""
        embedded = self.embedding(windows.T)
        first, _ = self.rnn_1(embedded)
        second, _ = self.rnn_2(first)
        outputs = torch.cat([embedded, first, second], -1)
        shares = torch.softmax(self.attention(outputs), 0)
        logits: Tensor = self.output((shares * outputs).sum(0))
        return logits

    def pads(self) -> Pads:
        """The states behind 0 to 39 pads, one step of each layer at a time."""
        embedded = self.embedding(torch.full((1, 1), PAD, device=self.output.weight.device))
        zero = embedded.new_zeros(1, 1, UNITS)
        first, second, outputs = [(zero, zero)], [(zero, zero)], []
        for _ in range(WINDOW - 1):
            out_1, state_1 = self.rnn_1(embedded, first[-1])
            out_2, state_2 = self.rnn_2(out_1, second[-1])
            first.append(state_1)
            second.append(state_2)
            outputs.append(torch.cat([embedded, out_1, out_2], -1)[0, 0])
        return Pads(first, second, torch.stack(outputs))

    def lower(self, text: Tensor, pads: Pads) -> Tensor:
        """The first layer's outputs, (t, N, 128), of texts of t ≤ 40 symbols, (t, N), behind 40 − t pads."""
        found: Tensor = self.rnn_1(self.embedding(text), _for_each(pads.first[WINDOW - len(text)], text))[0]
        return found

    def upper(self, text: Tensor, lower: Tensor, pads: Pads) -> Tensor:
        """The second layer's outputs, (t, N, 128), from the first's."""
        found: Tensor = self.rnn_2(lower, _for_each(pads.second[WINDOW - len(text)], text))[0]
        return found

    def head(self, text: Tensor, lower: Tensor, upper: Tensor, pads: Pads) -> Tensor:
        """Logits of the next symbol, (N, 465), from the layers' outputs."""
        padded = pads.outputs[: WINDOW - len(text)]
        outputs = torch.cat([self.embedding(text), lower, upper], -1)
        on_pads = self.attention(padded).expand(-1, text.shape[1])
        on_text = self.attention(outputs)[..., 0]
        shares = torch.softmax(torch.cat([on_pads, on_text]), 0)
        mean = shares[: len(padded)].T @ padded + (shares[len(padded) :, :, None] * outputs).sum(0)
        logits: Tensor = self.output(mean)
        return logits

    def after_pads(self, text: Tensor, pads: Pads) -> Tensor:
        """As `forward` on windows that end with these texts of 1 to 40 symbols, (t, N), behind pads."""
        lower = self.lower(text, pads)
        return self.head(text, lower, self.upper(text, lower, pads), pads)


def _for_each(state: State, text: Tensor) -> State:
    size = text.shape[1]
    return state[0].expand(-1, size, -1).contiguous(), state[1].expand(-1, size, -1).contiguous()


class Alphabet:
    """Characters and their numbers, from 1; `BOUNDARY` is one of them."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self.numbers = numbers
        self._characters = {number: character for character, number in numbers.items()}
        self.boundary = numbers[BOUNDARY]

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's characters between two boundaries; what is not in the alphabet is lost."""
        inner = [self.numbers[character] for character in text if character in self.numbers]
        return [self.boundary, *inner, self.boundary]

    def decode(self, numbers: list[int]) -> str:
        """The text before the first pad or boundary."""
        found = []
        for number in numbers:
            if number in {PAD, self.boundary}:
                break
            found.append(self._characters[number])
        return "".join(found)


@cache
def pretrained() -> tuple[dict[str, Tensor], Alphabet]:
    """The pretrained parameters by name, on the CPU, and their alphabet; fetched at first use.

    Raises:
        DataUnavailable: they can't be had.
    """
    path = weights(POLICY)
    return load_file(path), Alphabet(vocabulary(path))


def vocabulary(path: Path) -> dict[str, int]:
    """The vocabulary in the metadata of a converted file."""
    with safe_open(path, "pt") as file:
        numbers: dict[str, int] = json.loads(file.metadata()[VOCABULARY])
    return numbers


def policy_of(parameters: dict[str, Tensor], device: str = "cpu") -> Policy:
    """A policy with these parameters, none of which it shares."""
    policy = Policy()
    policy.load_state_dict(parameters)
    return policy.to(device)
