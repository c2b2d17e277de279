"""What the text task's networks are held to: what is known of them, and of the short cut that they forbid."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from headway_workers.contract import Check
from headway_workers.rewarded_soups.text.policy import WINDOW, Policy, policy_of, pretrained
from headway_workers.rewarded_soups.text.reactions import REACTIONS
from headway_workers.rewarded_soups.text.reactions import pretrained as reaction_model

TITLES = (
    "What is the best way to learn how to cook?",
    "My dog is so happy to see me after work",
    "The government has announced a new plan",
    "I made a thing for my girlfriend",
)
"""Ours, in the manner of what the policy was trained on."""


def networks() -> Iterator[Check]:
    """Figures of an independent trial, whose own titles we don't have; and what a carried state costs."""
    parameters, alphabet = pretrained()
    policy = policy_of(parameters)
    texts = [alphabet.encode(title) for title in TITLES]
    exact = _mean([log_likelihoods(policy, text) for text in texts])
    carried = _mean([carried_log_likelihoods(policy, text) for text in texts])
    yield Check("log-likelihood of a title's symbols, nats", -0.95, exact, 0.1)
    yield Check("likewise with a carried state, which is another network", -2.03, carried, None)
    yield Check("what carrying the state loses, nats: 0.3 to 1.9", 1.1, exact - carried, 0.8)
    model = reaction_model()
    sad, funny = model(["this is so sad, rest in peace", "lol this is hilarious"]).tolist()
    yield Check("share of sad in 'this is so sad, rest in peace'", 1.0, sad[REACTIONS.index("sad")], 0.005)
    yield Check("share of haha in 'lol this is hilarious'", 0.48, funny[REACTIONS.index("haha")], 0.005)


@torch.no_grad()
def log_likelihoods(policy: Policy, symbols: list[int]) -> torch.Tensor:
    """Of each symbol behind its whole window, (T − 1,)."""
    windows = [([0] * WINDOW + symbols[:end])[-WINDOW:] for end in range(1, len(symbols))]
    log_p = torch.log_softmax(policy(torch.tensor(windows)), 1)
    return log_p.gather(1, torch.tensor(symbols[1:])[:, None])[:, 0]


@torch.no_grad()
def carried_log_likelihoods(policy: Policy, symbols: list[int]) -> torch.Tensor:
    """As `log_likelihoods`, with the states behind 39 pads carried from symbol to symbol: not the network."""
    read = torch.tensor([0] * (WINDOW - 1) + symbols[:-1])[:, None]
    embedded = policy.embedding(read)
    first, _ = policy.rnn_1(embedded)
    second, _ = policy.rnn_2(first)
    outputs = torch.cat([embedded, first, second], -1)[:, 0]
    windows = outputs.unfold(0, WINDOW, 1).transpose(1, 2)  # (T − 1, 40, 356)
    shares = torch.softmax(policy.attention(windows), 1)
    log_p = torch.log_softmax(policy.output((shares * windows).sum(1)), 1)
    return log_p.gather(1, torch.tensor(symbols[1:])[:, None])[:, 0]


def _mean(parts: list[torch.Tensor]) -> float:
    return float(torch.cat(parts).mean())
