"""What simulated members say: sentences from templates, whose words and timing tell of confidence.

The text channel of a simulation has something to find, and no more than that: a confident member uses sure
words, speaks sooner and more. Real transcripts bring their own words.
"""

from __future__ import annotations

import numpy as np

from headway_workers.team_influence.teams import Array
from headway_workers.team_influence.transcripts import Message

SURE = (
    "I am sure it is {}",
    "definitely {}, I know this one",
    "it has to be {}, no doubt",
    "trust me, {} is right",
)
UNSURE = (
    "maybe {}? not sure",
    "I guess {}, but I have no idea really",
    "could be {}, what do you think?",
    "hmm, I don't know, perhaps {}",
)
OPTIONS = ("A", "B", "C", "D")

SECONDS = 20.0
"""Median time to a first message of a member of confidence ½."""


def talk(confidence: Array, questions: int, rng: np.random.Generator) -> list[Message]:
    """What members of these confidences (T, n) say about so many questions.

    A member sends Poisson(½ + c) messages on a question: the first after a log-normal time whose median
    falls from 33 s at c = 0 to 12 s at c = 1, the others some 8 s after one another. Each is from `SURE`
    with probability 1 / (1 + exp(−6 (c − ½))).
    """
    T, n = confidence.shape
    c = np.repeat(confidence[:, None, :], questions, axis=1)
    sent = rng.poisson(np.clip(0.5 + c, 0.05, None))
    team, question, member = (np.repeat(index.ravel(), sent.ravel()) for index in np.indices(sent.shape))
    nth = np.concatenate([np.arange(count) for count in sent.ravel()]) if sent.sum() else np.empty(0)
    first = SECONDS * np.exp(0.5 - c + 0.4 * rng.standard_normal((T, questions, n)))
    seconds = np.repeat(first.ravel(), sent.ravel()) + nth * rng.exponential(8.0, len(team))
    sure = rng.random(len(team)) < 1.0 / (1.0 + np.exp(-6.0 * (confidence[team, member] - 0.5)))
    template, letter = rng.integers(len(SURE), size=len(team)), rng.integers(len(OPTIONS), size=len(team))
    return [
        Message(
            int(team[k]),
            int(question[k]),
            int(member[k]),
            round(float(seconds[k]), 1),
            (SURE if sure[k] else UNSURE)[template[k]].format(OPTIONS[letter[k]]),
        )
        for k in range(len(team))
    ]
