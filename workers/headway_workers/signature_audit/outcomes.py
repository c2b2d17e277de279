"""What a score is held against: a second measurement, or survival."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from scipy.stats import norm, pearsonr, rankdata, spearmanr

from headway_workers.signature_audit.survival import Array, CoxScore, Survival, concordance, scores_of


class Outcome(Protocol):
    """An outcome of n samples, which scores of shape (B, n) are held against."""

    @property
    def label(self) -> str:
        """The statistic's name."""
        ...

    @property
    def centre(self) -> float:
        """The statistic of a score that tells nothing."""
        ...

    def __len__(self) -> int: ...

    def statistic(self, scores: Array, device: str = "cpu") -> Array:
        """One value per score, shape (B,)."""
        ...

    def nominal(self, score: Array) -> float:
        """Two-sided textbook p of one score, shape (n,)."""
        ...


@dataclass(frozen=True)
class Correlated:
    """A continuous measurement, shape (n,)."""

    y: Array
    method: Literal["pearson", "spearman"]
    centre: float = 0.0

    @property
    def label(self) -> str:
        """ρ or r."""
        return "Spearman ρ" if self.method == "spearman" else "Pearson r"

    def __len__(self) -> int:
        return len(self.y)

    def statistic(self, scores: Array, device: str = "cpu") -> Array:  # noqa: ARG002 - too small for one
        """Correlations; 0 of a score that does not vary."""
        x, y = np.atleast_2d(scores), self.y
        if self.method == "spearman":
            x, y = rankdata(x, axis=1), rankdata(y)
        x, y = x - x.mean(axis=1, keepdims=True), y - y.mean()
        norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y)
        found: Array = np.divide(x @ y, norms, out=np.zeros(len(x)), where=norms > 0)
        return found

    def nominal(self, score: Array) -> float:
        """By the t-law."""
        test = spearmanr if self.method == "spearman" else pearsonr
        return float(test(score, self.y).pvalue)


@dataclass(frozen=True)
class Survived:
    """Survival; the statistic is Harrell's C."""

    survival: Survival
    label: str = "Harrell's C"
    centre: float = 0.5

    def __len__(self) -> int:
        return len(self.survival)

    def statistic(self, scores: Array, device: str = "cpu") -> Array:
        """Concordances."""
        found: Array = concordance(scores_of(scores, device), self.survival).cpu().numpy()
        return found

    def nominal(self, score: Array) -> float:
        """By the Cox score test."""
        return float(2.0 * norm.sf(abs(CoxScore(self.survival)(scores_of(score)).item())))
