"""A cohort with expression and survival, in which we know what drives the survival (ours, not the paper's).

Genes follow a few factors. The first is proliferation: many genes load on it, and so does the hazard, which
is why random signatures predict outcome (Venet, Dumont & Detours 2011). A planted signature adds to the
hazard on its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway_workers.signature_audit.survival import Array, Survival


@dataclass(frozen=True)
class Cohort:
    """Expression of G genes in n patients, and how the patients fared."""

    values: Array
    """log2 expression, shape (n, G)."""
    genes: tuple[str, ...]
    survival: Survival
    proliferation: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    """Columns of the proliferation genes (the meta-PCNA ones of Venet 2011); may be empty."""
    covariates: Array | None = None
    """Age and grade, shape (n, 2), where they are known."""
    signature: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    """Columns of the planted signature; empty in real data."""

    def __getitem__(self, patients: NDArray[Any]) -> Cohort:
        covariates = None if self.covariates is None else self.covariates[patients]
        return Cohort(
            self.values[patients],
            self.genes,
            self.survival[patients],
            self.proliferation,
            covariates,
            self.signature,
        )

    def with_survival(self, survival: Survival) -> Cohort:
        """The same patients with other fates, as a permutation deals them."""
        return Cohort(self.values, self.genes, survival, self.proliferation, self.covariates, self.signature)


@dataclass(frozen=True)
class FactorModel:
    """What a simulated cohort is drawn from."""

    genes: int = 4_000
    factors: int = 6
    loaded: float = 0.6
    """Share of the genes that load on proliferation."""
    loading: float = 0.7
    """Spread of the loadings; the noise has standard deviation 1."""
    hazard: float = 0.9
    """log hazard ratio of a standard deviation of proliferation."""
    planted: int = 12
    """Genes of the planted signature, which share a factor of their own."""
    effect: float = 0.8
    """log hazard ratio of a standard deviation of the planted factor."""
    censored: float = 0.6
    """About the share of patients whose follow-up ends before the event."""

    def draw(self, patients: int, *, structure: int, rng: np.random.Generator) -> Cohort:
        """Patients from `rng`; which genes load on what is fixed by `structure`, so that two calls with one
        structure draw from one population.
        """
        plan = np.random.default_rng([structure, 61])
        loadings = np.where(
            plan.random(self.genes) < self.loaded, np.abs(plan.normal(0, self.loading, self.genes)), 0.0
        )
        # Genes rise or fall with proliferation; the meta-PCNA ones are the fifty that rise most.
        loadings *= np.where(plan.random(self.genes) < 0.8, 1.0, -1.0)
        rest = plan.normal(0, 0.35, (self.factors - 1, self.genes))
        signature = np.sort(plan.choice(self.genes, self.planted, replace=False))
        loadings[signature] = 0.0
        level = plan.uniform(5, 11, self.genes)
        factor, others, own = (
            rng.standard_normal(shape) for shape in (patients, (patients, self.factors - 1), patients)
        )
        X = level + np.outer(factor, loadings) + others @ rest + rng.standard_normal((patients, self.genes))
        X[:, signature] += 0.8 * own[:, None]
        risk = self.hazard * factor + self.effect * own
        event_time = rng.exponential(60.0 * np.exp(-risk))
        follow_up = rng.uniform(0.0, 1.0, patients)
        end = follow_up * np.quantile(event_time, min(1.0, 2.2 * (1.0 - self.censored)))
        time = np.maximum(np.round(np.minimum(event_time, end), 2), 0.01)
        grade = np.clip(np.round(2.0 + 0.6 * factor + rng.normal(0, 0.6, patients)), 1, 3)
        covariates = np.column_stack([rng.normal(60, 9, patients), grade])
        names = tuple(f"G{number:05d}" for number in range(self.genes))
        top = np.sort(np.argsort(-loadings)[:50])
        return Cohort(X, names, Survival(time, event_time <= end), top, covariates, signature)
