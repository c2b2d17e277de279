"""What a text can be rewarded for: a reaction it is foretold, or the sentiment of its words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from headway_workers.rewarded_soups.text.reactions import REACTIONS, pretrained

SENTIMENT = "sentiment"
NAMES = (*REACTIONS, SENTIMENT)

Values = NDArray[np.float64]


def rewards(texts: Sequence[str], names: Sequence[str], device: str = "cpu") -> Values:
    """The named rewards of each text, (N, K).

    A reaction's is its share of the foretold reactions, 0 to 1; the sentiment is VADER's compound score
    (Hutto and Gilbert 2014), moved from [−1, 1] to [0, 1].

    Raises:
        ValueError: there is no reward of a name.
    """
    if unknown := set(names) - set(NAMES):
        raise ValueError(f"There is no reward {min(unknown)!r}. Known: {', '.join(NAMES)}.")
    found = np.empty((len(texts), len(names)))
    shares = None
    for column, name in enumerate(names):
        if name == SENTIMENT:
            scores = [_sentiment().polarity_scores(text)["compound"] for text in texts]
            found[:, column] = (np.array(scores) + 1.0) / 2.0
        else:
            if shares is None:
                shares = pretrained(device)(texts).double().cpu().numpy()
            found[:, column] = shares[:, REACTIONS.index(name)]
    return found


@cache
def _sentiment() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
