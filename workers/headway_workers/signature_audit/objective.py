"""The objective signature-audit: a signature searched for in one half, and audited in patients unseen."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from headway.wire.base import Params
from headway.wire.space import Categorical, Float, Int, When
from headway.wire.study import Objective as Goal
from headway_workers.contract import (
    Evaluation,
    FidelityAxis,
    Metric,
    Objective,
    Report,
    overdue,
    silent,
)
from headway_workers.signature_audit import cohorts
from headway_workers.signature_audit.gene_sets import random_sets
from headway_workers.signature_audit.pipeline import Fitted, Prepared, Recipe, fit, prepared
from headway_workers.signature_audit.simulator import Cohort, FactorModel
from headway_workers.signature_audit.survival import Array, CoxScore, Survival, concordance
from headway_workers.statistics.p_values import monte_carlo

COHORT = "HEADWAY_SIGNATURE_COHORT"
PATIENTS = 200
HELD_OUT = 1.0 / 3.0
"""Share of a real cohort's patients that only the audit sees."""
FOLDS = 5
BLOCK = 500
"""Random sets scored at once."""


class Inapplicable(ValueError):
    """A recipe that the cohort has not enough for; says what is missing."""


class SignatureAudit(Objective):
    """Harrell's C of a gene signature in cross-validation, where genes are chosen within each training fold.

    The problem's seed fixes cohort and folds; the evaluation's seed draws the nulls, and nothing else.
    """

    name = "signature-audit"
    summary = "Cross-validated concordance of a gene signature with survival, beside its nulls."
    parameters = (
        Int(1, 150, log=True, name="k"),
        Categorical(("cox_z", "variance", "correlation_to_seed_gene"), name="rank_by"),
        Categorical(("mean", "pc1", "rank_mean", "cox_weighted", "coxnet"), name="aggregator"),
        Categorical(("z", "rank", "log2"), name="transform"),
        Categorical(("continuous", "median", "tertile"), name="split"),
        Float(0.0, 0.8, name="var_filter_q"),
        Categorical(("none", "metaPCNA", "age+grade"), name="adjust"),
        Float(1e-3, 1.0, log=True, when=When("aggregator", ("coxnet",)), name="alpha"),
        Float(0.05, 1.0, when=When("aggregator", ("coxnet",)), name="l1_ratio"),
    )
    goals = (Goal(name="c_index", goal="maximize"),)
    fidelity = FidelityAxis("null draws", 200, 20_000)
    data = f"a simulated cohort with a planted signature; or one of SurvSet's, by name in {COHORT}"
    budget = 60

    def __init__(self, problem_seed: int = 0, *, cohort: str | None = None) -> None:
        self.problem_seed = problem_seed
        self.cohort = cohort

    @cached_property
    def patients(self) -> tuple[Cohort, Cohort]:
        """Those of the search and those of the audit.

        Raises:
            DataUnavailable: the real cohort is not installed.
        """
        rng = np.random.default_rng([self.problem_seed, 63])
        if self.cohort is None:
            seen, unseen = (FactorModel().draw(PATIENTS, structure=self.problem_seed, rng=rng) for _ in "ab")
            return seen, unseen
        whole = cohorts.cohort(self.cohort)
        order = rng.permutation(len(whole.survival))
        held = round(HELD_OUT * len(order))
        return whole[order[held:]], whole[order[:held]]

    def evaluate(
        self,
        params: Params,
        *,
        seed: int = 0,
        fidelity: int | None = None,
        device: str = "cpu",
        deadline: float | None = None,
        report: Report = silent,
    ) -> Evaluation:
        """C over five folds; then `fidelity` random sets (2,000 unless told otherwise) in unseen patients.

        `p_search` re-runs cross-validation with its choice of genes on fidelity/100 permuted outcomes.
        """
        recipe, draws = recipe_of(params), fidelity or 2_000
        seen, unseen = self.patients
        try:
            folds = self.folds(recipe, device)
        except Inapplicable as error:
            return Evaluation(status="infeasible", reason=str(error))
        parts = folds.concordances(seen.survival)
        c = float(np.mean(parts))
        fitted = fit(prepared(recipe, seen, unseen, device), seen.survival)
        audit, nominal = _audited(fitted, unseen.survival)
        rng = np.random.default_rng([self.problem_seed, seed, 64])
        null = list[Array]()
        for done in range(0, draws, BLOCK):
            if overdue(deadline):
                return Evaluation(status="timeout", reason=f"Time was up after {done} random sets.")
            null.append(random_concordances(fitted, unseen.survival, min(BLOCK, draws - done), rng))
            report(min(done + BLOCK, draws), c)
        re_runs = list[float]()
        for _ in range(max(2, draws // 100)):
            if overdue(deadline):
                return Evaluation(status="timeout", reason=f"Time was up after {len(re_runs)} re-runs.")
            dealt = seen.survival[rng.permutation(len(seen.survival))]
            re_runs.append(float(np.mean(folds.concordances(dealt))))
        random_gene = monte_carlo(np.concatenate(null), audit)
        search = monte_carlo(np.array(re_runs), c)
        return Evaluation(
            objectives={"c_index": c},
            noise={"c_index": float(np.std(parts, ddof=1)) / len(parts) ** 0.5},
            metrics={
                "c_audit": Metric(audit, "audit"),
                "p_nominal": Metric(nominal, "audit"),
                "p_random_gene": Metric(random_gene.p, "audit"),
                "mc_se_random_gene": Metric(random_gene.mc_se),
                "p_search": Metric(search.p, "selection"),
                "mc_se_search": Metric(search.mc_se),
                "min_attainable_p": Metric(max(random_gene.attainable, search.attainable)),
            },
        )

    def folds(self, recipe: Recipe, device: str = "cpu") -> Folds:
        """The cross-validation of a recipe in the patients of the search.

        Raises:
            Inapplicable: the cohort has too few genes for it, or not what it adjusts for.
        """
        seen, _ = self.patients
        if recipe.adjust == "age+grade" and seen.covariates is None:
            raise Inapplicable("The cohort has no age and grade to adjust for.")
        if recipe.adjust == "metaPCNA" and not len(seen.proliferation):
            raise Inapplicable("The cohort names no PCNA to adjust for.")
        folds = Folds.of(recipe, seen, self._dealt(seen), device)
        if any(len(one.eligible) < recipe.k for *_, one in folds.folds):
            raise Inapplicable(f"Fewer than k = {recipe.k} genes pass the filter.")
        return folds

    def _dealt(self, seen: Cohort) -> list[NDArray[np.intp]]:
        """Patients of each fold, events and censored ones spread evenly."""
        rng = np.random.default_rng([self.problem_seed, 65])
        order = rng.permutation(len(seen.survival))
        order = order[np.argsort(seen.survival.event[order], kind="stable")]
        return [np.sort(order[fold::FOLDS]) for fold in range(FOLDS)]


def from_environment() -> SignatureAudit:
    """On the cohort that the environment names, if it does."""
    return SignatureAudit(cohort=os.environ.get(COHORT) or None)


def recipe_of(params: Params) -> Recipe:
    """The pipeline that a point of the space stands for."""
    return Recipe(
        k=int(params["k"]),
        var_filter_q=float(params["var_filter_q"]),
        alpha=float(params.get("alpha", 0.0)),
        l1_ratio=float(params.get("l1_ratio", 1.0)),
        **{key: str(params[key]) for key in ("rank_by", "aggregator", "transform", "split", "adjust")},  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class Folds:
    """Cross-validation of one recipe, for any outcomes of the same patients."""

    folds: list[tuple[NDArray[np.intp], NDArray[np.intp], Prepared]]
    """Patients to learn from, and those to score, with what both look like."""

    @classmethod
    def of(cls, recipe: Recipe, cohort: Cohort, folds: list[NDArray[np.intp]], device: str = "cpu") -> Folds:
        """Each fold is scored once, by what is learnt from all the others."""
        everybody = np.arange(len(cohort.survival))
        parts = [(np.setdiff1d(everybody, fold), fold) for fold in folds]
        return cls(
            [(rest, fold, prepared(recipe, cohort[rest], cohort[fold], device)) for rest, fold in parts]
        )

    def concordances(self, survival: Survival) -> list[float]:
        """C of every fold."""
        found = []
        for rest, fold, one in self.folds:
            fitted = fit(one, survival[rest])
            found.append(concordance(fitted.scores(fitted.chosen[None]), survival[fold]).item())
        return found


def random_concordances(fitted: Fitted, unseen: Survival, count: int, rng: np.random.Generator) -> Array:
    """C in unseen patients of random sets of the signature's size, each fitted as the signature was."""
    sets = random_sets(len(fitted.prepared.eligible), len(fitted.chosen), count, rng)
    found: Array = concordance(fitted.scores(sets), unseen).cpu().numpy()
    return found


def _audited(fitted: Fitted, unseen: Survival) -> tuple[float, float]:
    """C in unseen patients, and the nominal p of the Cox score test there."""
    score = fitted.scores(fitted.chosen[None])
    z = CoxScore(unseen, device=fitted.prepared.device)(score).item()
    return concordance(score, unseen).item(), float(2.0 * norm.sf(abs(z)))
