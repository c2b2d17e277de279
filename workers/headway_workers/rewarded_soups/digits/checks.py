"""Connectivity where it must hold, and where it must not: otherwise the check would prove nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from headway_workers.contract import Check
from headway_workers.rewarded_soups.connectivity import Margins, margins
from headway_workers.rewarded_soups.digits.classifier import fine_tuned, pretrained, rewards
from headway_workers.rewarded_soups.fronts import hypervolume_ratio_interval
from headway_workers.rewarded_soups.interpolation import State, segment, soup

SEEDS = range(3)
STRANGERS = 100
"""Added to the seed of a network that is pretrained apart."""
WEIGHTS = np.array(segment(11))
FIRST, SECOND = (1.0, 0.0), (0.0, 1.0)
MIXED = ((0.25, 0.75), (0.5, 0.5), (0.75, 0.25))


def digits(seeds: range = SEEDS) -> Iterator[Check]:
    """Full networks: fine-tunes of one start, of two starts, and multi-objective fine-tunes beside them."""
    for seed in seeds:
        start = pretrained(seed)
        ends = [fine_tuned(start, preference, seed) for preference in (FIRST, SECOND)]
        for reward, end in enumerate(ends):
            gained = _errors(rewards(end)[:, reward] - rewards(start)[:, reward])
            name = f"digits, seed {seed}: gain in own reward {reward + 1}, standard errors, 5 to 105"
            yield Check(name, 55.0, gained, 50.0)
        found = connectivity(ends).smallest_in_errors
        yield Check(f"digits, seed {seed}: smallest margin, standard errors, −2 to 98", 48.0, found, 50.0)
        yield control(ends[0], seed)
        yield against_morl(start, ends, seed)


def control(end: State, seed: int) -> Check:
    """The same soup with an end whose start was pretrained apart: margins far below zero."""
    stranger = fine_tuned(pretrained(seed + STRANGERS), SECOND, seed)
    found = connectivity([end, stranger]).smallest_in_errors
    name = f"digits, seed {seed}: smallest margin of strangers (must fail), standard errors, −105 to −5"
    return Check(name, -55.0, found, 50.0)


def connectivity(ends: list[State]) -> Margins:
    """Margins of nine soups in both rewards, over the held-out images."""
    between = WEIGHTS[1:-1]
    return margins(along(ends, between), np.stack([rewards(end) for end in ends]), between, _rng())


def against_morl(start: State, ends: list[State], seed: int) -> Check:
    """HV(soup)/HV(MORL) above the start less 0.05 of each reward; five runs of MORL, the ends two of them.

    Reported: nothing is known beforehand of this small task, on which MORL is ahead.
    """
    mixed = [rewards(fine_tuned(start, preference, seed)) for preference in MIXED]
    morl = np.stack([*(rewards(end) for end in ends), *mixed])
    reference = rewards(start).mean(axis=0) - 0.05
    found = hypervolume_ratio_interval(along(ends, WEIGHTS), morl, reference, _rng(), resamples=300)
    name = f"digits, seed {seed}: HV(soup)/HV(MORL) ({found.low:.3f} to {found.high:.3f})"
    return Check(name, 1.0, found.value, None)


def along(ends: list[State], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rewards of the held-out images under each soup, (p, N, 2)."""
    return np.stack([rewards(soup(ends, chosen)) for chosen in weights.tolist()])


def _errors(gains: NDArray[np.float64]) -> float:
    return float(gains.mean() / (gains.std(ddof=1) / len(gains) ** 0.5))


def _rng() -> np.random.Generator:
    return np.random.default_rng(23)
