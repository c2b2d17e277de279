"""What policies are worth: mean rewards of texts that all of them write with the same random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from headway_workers.rewarded_soups.fronts import hypervolume
from headway_workers.rewarded_soups.interpolation import State, soup
from headway_workers.rewarded_soups.text.generation import Reader, uniforms, write
from headway_workers.rewarded_soups.text.policy import policy_of, pretrained
from headway_workers.rewarded_soups.text.reading import Alone, Beside
from headway_workers.rewarded_soups.text.rewards import Values, rewards

TEMPERATURE = 1.0
"""Of every policy that is evaluated, whatever it was trained at."""
_DRAWS = 13
"""Key of the numbers that texts are evaluated with; training has another."""


class Scores(NamedTuple):
    """Texts of one policy."""

    values: Values
    """Rewards, (N, K)."""
    texts: list[str]
    divergence: float
    """KL from the start per symbol, nats; 0 where it was not asked for."""

    @property
    def distinct(self) -> float:
        """The share of different texts, 1 for a policy that never repeats itself."""
        return len(set(self.texts)) / len(self.texts)


def scores(
    parameters: State,
    names: Sequence[str],
    *,
    texts: int,
    seed: int,
    device: str = "cpu",
    divergence: bool = False,
) -> Scores:
    """Rewards of so many texts; policies that are given the same seed write with the same numbers."""
    policy = policy_of(dict(parameters), device)
    if divergence:
        reference = policy_of(pretrained()[0], device)
        return scored(Beside(policy, reference, temperature=TEMPERATURE), names, texts=texts, seed=seed)
    return scored(Alone(policy, temperature=TEMPERATURE), names, texts=texts, seed=seed)


def scored(reader: Reader, names: Sequence[str], *, texts: int, seed: int) -> Scores:
    """As `scores`, of whatever can be drawn from."""
    alphabet = pretrained()[1]
    written = write(reader, uniforms(texts, seed, _DRAWS), alphabet.boundary)
    in_characters = written.texts(alphabet)
    return Scores(
        rewards(in_characters, names, str(reader.example.device)),
        in_characters,
        float(written.divergence.sum() / written.drawn.sum()),
    )


def along(
    ends: Sequence[dict[str, Tensor]],
    weights: Sequence[Sequence[float]],
    names: Sequence[str],
    *,
    texts: int,
    seed: int,
    device: str = "cpu",
) -> list[Scores]:
    """Scores of the soups of these ends with each of the weights."""
    return [scores(soup(ends, chosen), names, texts=texts, seed=seed, device=device) for chosen in weights]


def hypervolume_error(
    values: NDArray[np.float64], reference: Values, rng: np.random.Generator, resamples: int = 200
) -> float:
    """Standard error of the hypervolume of policies' mean rewards, by bootstrap over texts.

    `values` has shape (policies, texts, rewards); a resample draws the same texts for all policies.
    """
    texts = values.shape[1]
    counts = rng.multinomial(texts, np.full(texts, 1.0 / texts), size=resamples) / texts
    means = np.einsum("rs,psk->rpk", counts, values, optimize=True)
    return float(np.std([hypervolume(one, reference) for one in means], ddof=1))
